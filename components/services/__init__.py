"""The services of Jira++, one file each."""
