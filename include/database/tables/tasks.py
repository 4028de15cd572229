"""What tasks say of themselves; `predictions.freshness` gets its reasons here."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from include.database.base import Base


class TaskState(Base):
    """What a task of a day's run does or says: where `predictions.freshness` gets its reasons."""

    __tablename__ = "task_states"
    __table_args__ = (
        CheckConstraint("state in ('running', 'waiting', 'retrying', 'failed')", name="state"),
        {"schema": "analytics", "comment": "Newest state of each task of a data day."},
    )
    dag_id: Mapped[str] = mapped_column(primary_key=True, comment="The DAG.")
    data_day: Mapped[date] = mapped_column(primary_key=True, comment="The day it works on.")
    task_id: Mapped[str] = mapped_column(primary_key=True, comment="The task.")
    map_index: Mapped[int] = mapped_column(
        primary_key=True, comment="Which of a mapped task's instances; -1: it isn't mapped."
    )
    state: Mapped[str] = mapped_column(comment="running, waiting, retrying or failed.")
    detail: Mapped[str] = mapped_column(comment="What it waits for, or why it failed.")
    changed_at: Mapped[datetime] = mapped_column(comment="Since when.")
