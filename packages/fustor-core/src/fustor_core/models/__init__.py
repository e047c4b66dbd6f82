"""Models of what users write in configuration files."""

from fustor_core.models.config import ApiKeyCredential, PasswdCredential, PusherConfig, SourceConfig

__all__ = ["ApiKeyCredential", "PasswdCredential", "PusherConfig", "SourceConfig"]
