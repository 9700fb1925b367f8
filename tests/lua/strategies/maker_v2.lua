require("task").sleep(3600)
