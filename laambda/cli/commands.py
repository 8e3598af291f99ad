"""Every command: where it lives, and its line in ``laambda --help``. Nothing is imported to print that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """``place`` is ``module:attribute``."""

    place: str
    help: str


GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "Apps": {
        "apps": Entry("laambda.cli.apps:apps", "List your apps"),
        "apps:create": Entry("laambda.cli.apps:create", "Make an app, and a git remote for it"),
        "apps:info": Entry("laambda.cli.apps:info", "Show an app and its functions"),
        "apps:destroy": Entry("laambda.cli.apps:destroy", "Delete an app with all that belongs to it"),
    },
    "Config vars": {
        "config": Entry("laambda.cli.config:config", "Show an app's config vars"),
        "config:get": Entry("laambda.cli.config:get", "Print one config var's value"),
        "config:set": Entry("laambda.cli.config:set_vars", "Set config vars: makes a release"),
        "config:unset": Entry("laambda.cli.config:unset", "Unset config vars: makes a release"),
        "config:clear": Entry("laambda.cli.config:clear", "Unset all config vars: makes a release"),
    },
    "Releases": {
        "releases": Entry("laambda.cli.releases:releases", "List an app's releases"),
        "releases:info": Entry("laambda.cli.releases:info", "Show a release"),
        "rollback": Entry("laambda.cli.releases:rollback", "Bring an earlier release back"),
    },
    "Builds": {
        "builds": Entry("laambda.cli.builds:builds", "List an app's builds"),
        "builds:info": Entry("laambda.cli.builds:info", "Show a build"),
        "builds:output": Entry("laambda.cli.builds:output", "Print a build's output, live while it runs"),
        "builds:cancel": Entry("laambda.cli.builds:cancel", "Cancel a build that is not being deployed"),
        "builds:retry": Entry("laambda.cli.builds:retry", "Build a push's stored source again"),
    },
    "Functions": {
        "invoke": Entry("laambda.cli.functions:invoke", "Call a function and print its answer"),
        "logs": Entry("laambda.cli.functions:logs", "Print what an app's functions wrote"),
    },
    "Access": {
        "keys": Entry("laambda.cli.keys:keys", "List the SSH keys that may push"),
        "keys:add": Entry("laambda.cli.keys:add", "Add an SSH key"),
        "keys:remove": Entry("laambda.cli.keys:remove", "Remove an SSH key"),
    },
    "This machine": {
        "up": Entry("laambda.cli.up:up", "Run a whole farm here until Ctrl-C"),
        "doctor": Entry("laambda.cli.doctor:doctor", "Say what this machine lacks, and how to get it"),
        "completion": Entry("laambda.cli.completion:completion", "Print a completion script for your shell"),
    },
}

COMMANDS: Mapping[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
