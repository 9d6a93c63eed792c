"""All settings there are: by page, by key, and by what a person looks for."""

from __future__ import annotations

from mtatui.settings.filtering import FILTERING
from mtatui.settings.inbound import INBOUND
from mtatui.settings.outbound import OUTBOUND
from mtatui.settings.setting import Page, Setting

PAGES: dict[str, Page] = {page.id: page for page in (INBOUND, OUTBOUND, FILTERING)}

#: Every setting by key, in the order of the pages.
ALL: dict[str, Setting] = {setting.key: setting for page in PAGES.values() for setting in page.settings}


def search(words: str) -> list[Setting]:
    """The settings in whose texts all words are found; those with the words in their names first."""
    wanted = words.lower().split()
    found = []
    for setting in ALL.values():
        named = f"{setting.key} {setting.label} {setting.directive}".lower()
        told = f"{named} {setting.section} {setting.help} {setting.reply} {setting.manual}".lower()
        if all(word in told for word in wanted):
            found.append((not all(word in named for word in wanted), setting))
    return [setting for _, setting in sorted(found, key=lambda pair: pair[0])]


def near(key: str) -> list[str]:
    """Keys that may have been meant."""
    import difflib

    name = key.rpartition(".")[2].lower()
    named = [known for known, setting in ALL.items() if setting.name == name]
    return named or difflib.get_close_matches(key, ALL, n=3, cutoff=0.5)


def complete(text: str) -> list[str]:
    """How ``KEY=VALUE`` may go on: keys while there is no ``=``, then the words that the value can be."""
    key, equals, begun = text.partition("=")
    if not equals:
        return [f"{known}=" for known in ALL if known.startswith(key)]
    offers = ALL[key].kind.offers if key in ALL else ()
    return [f"{key}={word}" for word in offers if word.startswith(begun)]
