"""Adds to docs/openapi.yaml each operation's refusals and outages."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from rest_framework import serializers

from audit.base.serializers import WordField
from platform_site.api_names import VOCABULARIES
from platform_site.errors import TITLES

WRITES = ("POST", "PUT", "PATCH", "DELETE")
# Any request can be malformed (400), ask for another media type (406), have a body
# without length (411) or with an encoding (415), or need an engine that is down (503).
ALWAYS = (400, 406, 411, 415, 503)
RETRY_AFTER = {"schema": {"type": "integer"}, "description": "Seconds."}
HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": RETRY_AFTER | {"required": True}},
    503: {"Retry-After": RETRY_AFTER},
}


class WordFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Gives a field of a closed set a schema that lists all its words."""

    target_class = WordField
    match_subclasses = True

    def map_serializer_field(
        self, auto_schema: AutoSchema, direction: str
    ) -> dict[str, Any]:
        """Return a reference to the set's schema, with "" if blank is allowed."""
        field: WordField = self.target
        names = [name for name, words in VOCABULARIES.items() if words is field.words]
        name = f"{names[0]}OrNone" if field.allow_blank else names[0]
        return {"$ref": f"#/components/schemas/{name}"}


class ProblemErrorOutput(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="Where: /field, /query or /headers.")
    code = serializers.CharField()
    detail = serializers.CharField()
    allowed = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="For a value of a closed set: all allowed values; of a set of more "
        "than 300 only the nearest ones.",
    )
    allowed_total = serializers.IntegerField(
        required=False, help_text="How many are allowed, if `allowed` is not complete."
    )
    did_you_mean = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Allowed values that are similar to the value, the likeliest first.",
    )
    see = serializers.CharField(
        required=False, help_text="The address of a page that lists the whole set."
    )


class ProblemOutput(serializers.Serializer[Any]):
    """RFC 9457 problem details, as errors.problem() makes them."""

    type = serializers.CharField(help_text="The address of a page about the code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="The path of the request.")
    code = serializers.CharField(help_text="Stable; meant for programs.")
    request_id = serializers.CharField()
    errors = ProblemErrorOutput(  # type: ignore[assignment] # Shadows Serializer.errors.
        many=True, required=False
    )


class ApiSchema(AutoSchema):
    """Adds the refusals that follow from the view's settings, and those it declares.

    A view's method declares the domain errors of its services by @raises.
    """

    def get_summary(self) -> str:
        """Return the first line of the docstring of the method, or else of its view."""
        handler = getattr(self.view, self.method.lower())
        text = handler.__doc__ or type(self.view).__doc__ or ""
        return text.strip().partition("\n")[0].removesuffix(".")

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any] | None:
        operation = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is not None:
            for status, codes in sorted(self._refusals().items()):
                operation["responses"][str(status)] = self._refusal(status, codes)
        return operation

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        """Drop `oneOf` [{}, null]: null matches both, so it would be refused."""
        schema = super()._map_serializer_field(  # type: ignore[no-untyped-call]
            field, direction, bypass_extensions
        )
        if {} in schema.get("oneOf", ()):
            del schema["oneOf"]
        return schema

    def _refusals(self) -> dict[int, set[str]]:
        """Return the statuses of refusals, each with its declared codes."""
        statuses = {*ALWAYS}
        if self.view.get_authenticators():
            statuses |= {401, 403}
        if "{" in self.path:
            statuses.add(404)
        if self.method in WRITES:
            statuses.add(413)
        if self.view.get_throttles():
            statuses.add(429)
        named: dict[int, set[str]] = defaultdict(set)
        handler = getattr(self.view, self.method.lower())
        for kind in getattr(handler, "raises", ()):
            named[kind.status].add(kind.code)
        # Statuses that follow from the view have more codes than its services declare.
        return named | {status: set() for status in statuses}

    def _refusal(self, status: int, codes: set[str]) -> dict[str, Any]:
        if not codes:
            return self._shared_refusal(status).ref
        named = ", ".join(f"`{code}`" for code in sorted(codes))
        return self._problem(status) | {"description": f"{TITLES[status]}: {named}."}

    def _shared_refusal(self, status: int) -> ResolvedComponent:
        name = f"Problem{status}"
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name, ResolvedComponent.RESPONSE, self._problem(status), name
        )
        self.registry.register_on_missing(component)
        return component

    def _problem(self, status: int) -> dict[str, Any]:
        schema = self.resolve_serializer(ProblemOutput, "response").ref
        return {
            "description": f"{TITLES[status]}.",
            "content": {"application/problem+json": {"schema": schema}},
            **({"headers": HEADERS[status]} if status in HEADERS else {}),
        }
