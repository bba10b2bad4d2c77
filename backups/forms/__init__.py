"""Forms about repositories: what people enter, cleaned to what `backups.repositories` takes."""

from .repository import DeleteForm, ListFilter, NewRepositoryForm, SettingsForm

__all__ = ["DeleteForm", "ListFilter", "NewRepositoryForm", "SettingsForm"]
