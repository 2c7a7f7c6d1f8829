module rehearsal/watchtower

go 1.21
