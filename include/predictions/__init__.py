"""The prediction table: how a day of scores becomes visible, whole, and how it is taken back.

    campaigns     copies campaigns (holdout share included) and the due time to the database
    choose        the model that scores a day
    publish_day   the task: takes the day's scores from the lake and calls `publish`
    publish       one attempt: begin → load → index → check → show
    loading       its table: COPY, freeze, index
    checks        what must be true of it: rows, checksum, the size of the holdout
    publications  tables, states and locks; `swap`, the one step that readers notice
    revert        an earlier version of a day again, or none
    retention     what is dropped, and when
    task_states   what tasks say of themselves, for the view `predictions.freshness`

The views that consumers read are in `include/database/definitions/views/`, freshness among them.
"""
