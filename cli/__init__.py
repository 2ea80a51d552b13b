"""The operator's commands: clients of the services' doors, which import no service and open no database."""
