"""Contact data and consent, whom mails reached and what they brought, and erasure."""
