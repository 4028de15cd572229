"""`kubernetes.yaml`: where and how training pods run."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from include.config.strict import Strict


class Volume(Strict):
    """Something that a pod sees as a folder: a claim, or a folder of the node."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    mount_path: str = Field(pattern=r"^/")
    claim: str = ""
    """Name of a PersistentVolumeClaim."""
    host_path: str = ""
    """Folder of the node: for clusters of one node only."""
    read_only: bool = False

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if bool(self.claim) == bool(self.host_path):
            raise ValueError("give either claim or host_path")
        return self


class Kubernetes(Strict):
    """Everything about pods that isn't the experiment's own."""

    namespace: str = "default"
    image: str = Field(min_length=1)
    """The training image; best by digest. `PROPENSITY_TRAINING_IMAGE` wins over it."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str = "default"
    """Needs no rights: its token isn't even mounted."""
    priority_class: str = ""
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    secret: str = Field(min_length=1)
    """Secret whose keys become environment variables: PROPENSITY_POSTGRES_URL and the like."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Plain environment variables; nothing secret."""
    volumes: tuple[Volume, ...] = ()
    """The lake, where it is no object store."""
    host_network: bool = False
    """For one-node clusters that reach their services on the node's own loopback."""
    run_as_user: int = Field(default=10001, ge=1)
    """Never root; it must be able to read the volumes."""
    gpus_at_once: int = Field(default=2, ge=1)
    """Slots of Airflow's pool `gpu`."""
    schedule_timeout_s: int = Field(default=1_800, ge=1)
    """How long a pod may wait for a node: one with GPUs may have to be started first."""
    startup_timeout_s: int = Field(default=900, ge=1)
    """How long it may pull its image and start, once it has a node."""
    deadline_s: int = Field(default=6 * 3600, ge=1)
    """How long it may run."""
