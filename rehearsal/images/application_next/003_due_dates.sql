-- Additive, so that the release before this one goes on working while both run, and after a rollback.
ALTER TABLE issues ADD COLUMN due_on date;
