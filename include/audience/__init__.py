"""The audience: contact data and consent, what mailing brought, and erasure.

    contacts           contact data and consent → `pii.contacts`, past the lake
    measure_uplift     the task: fixes cohorts, and measures the sends whose window is complete
    uplift             treatment against holdout: the cohort of a send, and the comparison
    erasure            the tasks: one user out of everything
    warehouse_erasure  ... of contact data, and of each published version

Whom a campaign may mail is a view: database/definitions/views/campaign_audience.sql.
"""
