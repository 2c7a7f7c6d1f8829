-- Additive, so that the release before this one goes on working while both run.
ALTER TABLE issues ADD COLUMN priority text, ADD COLUMN triaged_at timestamptz;
