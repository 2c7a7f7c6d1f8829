INSERT INTO issues (title, description, status)
SELECT title, description, status
FROM (VALUES
  ('Set up the project', 'Clone, install, start.', 'DONE'),
  ('Write the first page', 'The list of issues.', 'IN_PROGRESS'),
  ('Login is down on mobile', 'An outage on small screens.', 'TODO')
) AS seed (title, description, status)
WHERE NOT EXISTS (SELECT 1 FROM issues);
