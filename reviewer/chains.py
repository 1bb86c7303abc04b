"""Which models the settings assign to whom, before any server is asked."""

from collections.abc import Mapping, Sequence

from reviewer.config.keys import flag_key, named_key
from reviewer.config.load import Loaded
from reviewer.endpoints import IN_PROCESS, endpoint_of
from reviewer.errors import ConfigError
from reviewer.models.model import ModelRef, no_model_name
from reviewer.models.registry import Access, backend_for
from reviewer.models.servers import SERVERS
from reviewer.prompting.role import Role


def check_names(roles: Mapping[str, Role], loaded: Loaded, environment: Mapping[str, str]) -> None:
    """Check all that can be known of models and providers without asking a server.

    Raises:
        ConfigError: a model is written wrongly, or a provider is unknown or lacks its address.
    """
    models = [model for name in roles for model in configured_chain(name, loaded)]
    models += [*configured_examiners(loaded), *configured_writers(loaded)]
    for name in dict.fromkeys([*loaded.settings.providers, *(model.provider for model in models)]):
        if "/" in name:
            raise ConfigError(f"provider {name!r}: a name has no slash; models are written provider/model.")
        endpoint = endpoint_of(name, loaded, environment, need_key=False)
        if endpoint.kind in IN_PROCESS:
            backend_for(endpoint, Access())  # sees whether its files are there


def configured_chain(role: str, loaded: Loaded) -> tuple[ModelRef, ...]:
    """The models that the settings assign to a role; an error names the place of a wrong one."""
    own = loaded.settings.roles.get(role)
    if own is not None and own.models:
        texts, key = own.models, named_key("roles", role, "models")
    elif loaded.settings.defaults.model:
        texts, key = (loaded.settings.defaults.model,), flag_key("defaults.model")
    else:
        return ()
    return _parsed_chain(texts, key, loaded)


def _parsed_chain(texts: Sequence[str], key: str, loaded: Loaded) -> tuple[ModelRef, ...]:
    """Models by their names; an error says where the wrong one stands."""
    try:
        return tuple(_parsed(text, loaded) for text in texts)
    except ConfigError as error:
        raise ConfigError(f"{loaded.origin(key)}: {error}") from error


def _parsed(text: str, loaded: Loaded) -> ModelRef:
    """A model, or a provider that is known.

    Raises:
        ConfigError: it is neither.
    """
    ref = ModelRef.parse(text)
    if not ref.model and ref.provider not in {*SERVERS, *loaded.settings.providers}:
        raise ConfigError(no_model_name(ref.provider))
    return ref


def configured_examiners(loaded: Loaded) -> tuple[ModelRef, ...]:
    """The models that the settings name for checking findings."""
    verify = loaded.settings.verify
    if verify.mode == "off":
        return ()
    return _parsed_chain(verify.models, "verify.models", loaded)


def configured_writers(loaded: Loaded) -> tuple[ModelRef, ...]:
    """The models that the settings name for writing the summary."""
    return _parsed_chain(loaded.settings.synthesis.models, "synthesis.models", loaded)
