"""`fustor-new doctor`: a workspace and its drivers, examined without importing one."""
