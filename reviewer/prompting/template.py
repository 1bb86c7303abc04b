"""The door to Jinja: strict, sandboxed templates whose errors name file and line."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reviewer.errors import RoleError

_TEMPLATE = "source"


class Templates:
    """Templates that may include a fixed set of partials and nothing else.

    The sandbox keeps a template from calling into Python; undefined variables are errors.

    Args:
        partials: texts that may be included, by name.
        filters: further filters, by name.
        finalize: sees every value before it is written.
    """

    def __init__(
        self,
        partials: Mapping[str, str],
        *,
        filters: Mapping[str, Callable[..., object]] | None = None,
        finalize: Callable[[object], object] | None = None,
    ) -> None:
        self._sources = dict(partials)
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(self._sources),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # prompts and Markdown are not HTML; outputs neutralise themselves
            finalize=finalize,
        )
        self._environment.filters.update(filters or {})

    def render_block(self, source: str, block: str, variables: Mapping[str, Any], *, name: str) -> str:
        """Render one block of a template.

        Args:
            source: the template's text.
            block: name of the block.
            variables: what the template may use.
            name: what to call the template in errors, such as its path.

        Raises:
            RoleError: the template is broken; names file and line, in the template or in a partial.
        """
        # A source compiles once: its name is its hash, under which jinja finds it again.
        known_as = f"{_TEMPLATE} {hashlib.sha256(source.encode('utf-8', 'replace')).hexdigest()}"
        self._sources[known_as] = source
        try:
            template = self._environment.get_template(known_as)
            context = template.new_context(dict(variables))
            # What a template inherits is known once its root begins to run; jinja has no call for one block.
            next(iter(template.root_render_func(context)), None)
            if block not in context.blocks:
                raise RoleError(f"{name}: the template has no block {block!r} and inherits none")
            return "".join(context.blocks[block][0](context)).strip() + "\n"
        except TemplateSyntaxError as error:
            place = name if error.name in {None, known_as} else error.name
            raise RoleError(f"{place}:{error.lineno}: {error.message}") from error
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise RoleError(f"{_place(error, name, known_as)}: {_message(error)}") from error

    def render(self, source: str, variables: Mapping[str, Any], *, name: str) -> str:
        """Render a whole template.

        Raises:
            RoleError: the template is broken; names file and line.
        """
        wrapped = "{% block whole %}" + source + "{% endblock %}"
        return self.render_block(wrapped, "whole", variables, name=name)


def _message(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template named {error.name!r} to include"
    return str(error) or type(error).__name__


def _place(error: Exception, name: str, known_as: str) -> str:
    """File and line of the innermost frame that is a template's."""
    place = name
    step = error.__traceback__
    while step is not None:
        template = step.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            file = name if template.name == known_as else template.name
            place = f"{file}:{template.get_corresponding_lineno(step.tb_lineno)}"
        step = step.tb_next
    return place
