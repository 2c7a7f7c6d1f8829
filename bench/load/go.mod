module jira-plus-plus/bench/load

go 1.26
