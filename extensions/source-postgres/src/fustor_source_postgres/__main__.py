"""Slots of this project on a server: `slots` lists them, `drop` drops one."""

import sys

from fustor_source_postgres._slots_command import main

sys.exit(main())
