"""`/api/openapi.json` tells of every route, and the site answers as it tells: the beginning of `make fuzz`'s HTTP."""

from __future__ import annotations

from fuzz.http import probe, site_in_memory
from test_web_roles import ALL, LEADS, SEERS, TALKERS, WHO
from web_visitor import Parts, visiting

from pbx_bridge.store.users import Role
from pbx_bridge.web import openapi
from pbx_bridge.web.permits import Permission, may


async def test_the_description_names_every_route_and_who_it_is_for() -> None:
    paths = openapi.description(Parts().site())["paths"]
    told = {
        f"{method.upper()} {path}": operation["x-needs"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert set(told) == set(WHO)
    groups = {ALL, LEADS, SEERS, TALKERS}
    for route, needed in told.items():
        roles = " ".join(role.value for role in Role if needed and may(role, Permission(needed)))
        assert WHO[route] == (roles or "open"), route
    assert groups <= set(WHO.values())


async def test_it_is_served_to_whoever_has_an_account_and_tells_what_json_is_taken_and_given() -> None:
    async with visiting() as visitor:
        answer = await visitor.get("/api/openapi.json")
        told = await answer.json()
    ask = told["paths"]["/api/dial"]["post"]
    assert (answer.status, told["openapi"][:3], ask["x-for-programs"]) == (200, "3.1", True)
    assert ask["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Asked"}
    assert set(told["components"]["schemas"]["Asked"]["required"]) == {"extension", "number", "key"}
    assert "token" not in str(told["paths"]["/account"]["get"]["security"])


def test_requests_of_any_kind_are_answered_as_described() -> None:
    assert probe(site_in_memory(), examples=2) == []
