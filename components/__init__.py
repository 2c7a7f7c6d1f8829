"""Jira++ on its own server: the parts that the program is made of, one folder an area, one file a noun."""
