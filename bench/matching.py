"""A match among 1,000 destinations: what callers say, and what somebody may send, against one directory."""

from __future__ import annotations

import random
import statistics
import time
from typing import Final
from uuid import UUID

from bench import Limit, Options, Results
from voiced.transfer.destination import Destination
from voiced.transfer.matching import LONGEST, Matcher
from voiced.transfer.request import DestinationType

SUMMARY: Final = "a phrase matched among 1,000 destinations"
LIMIT_MS: Final = 2.0


def _words(text: str) -> list[str]:
    return text.split()


_FIRST: Final = _words(
    """maria joão ana carlos josé antônio francisca paulo pedro lucas luiz marcos gabriel rafael daniel
    marcelo bruno eduardo felipe raimundo rodrigo manoel márcia adriana juliana fernanda patrícia
    aline sandra camila amanda bruna jéssica letícia júlia luciana vanessa mariana beatriz
    wellington thiago kátia sebastião"""
)
_LAST: Final = _words(
    """silva santos oliveira souza rodrigues ferreira alves pereira lima gomes costa ribeiro martins
    carvalho almeida lopes soares fernandes vieira barbosa rocha dias nascimento andrade moreira
    nunes marques machado mendes freitas cardoso ramos gonçalves santana teixeira"""
)
_GROUPS: Final = _words(
    """financeiro suporte vendas compras logística marketing jurídico ouvidoria cobrança expedição
    faturamento contabilidade almoxarifado garantia qualidade engenharia diretoria recepção plantão
    manutenção"""
)
_SAID: Final = (
    "quero falar com {}",
    "me passa pro {} por favor",
    "{}",
    "o pessoal do {}",
    "oi bom dia eu queria falar com {} se possível",
    "não quero o suporte quero falar com {}",
    "{} ou compras",
    "é sobre um pedido que não chegou preciso do {}",
)


def directory(size: int, seed: int = 1) -> list[Destination]:
    """A directory of groups and people, the same for the same seed."""
    rng = random.Random(seed)
    people = [
        Destination(
            UUID(int=number),
            UUID(int=0),
            f"{rng.choice(_FIRST)} {rng.choice(_FIRST)} {rng.choice(_LAST)} {number}",
            DestinationType.EXTENSION,
            str(10_000 + number),
            department=rng.choice(_GROUPS),
            aliases=(f"{rng.choice(_LAST)} {rng.choice(_FIRST)}",),
            role=rng.choice(("analista", "gerente", "técnico")),
        )
        for number in range(size - len(_GROUPS))
    ]
    groups = [
        Destination(
            UUID(int=size + number),
            UUID(int=0),
            name,
            DestinationType.RING_GROUP,
            str(9000 + number),
            is_default=number == 0,
        )
        for number, name in enumerate(_GROUPS)
    ]
    return people + groups


def phrases(destinations: list[Destination], count: int, seed: int = 2) -> list[str]:
    """What callers say: names that are there, misheard ones, and names that nobody has."""
    rng = random.Random(seed)
    said = []
    for _ in range(count):
        name = rng.choice(destinations).name if rng.random() < 0.7 else rng.choice(_GROUPS)
        if rng.random() < 0.4:
            at = rng.randrange(len(name))
            name = name[:at] + rng.choice("abcdeiou") + name[at + 1 :]
        if rng.random() < 0.2:
            name = f"{''.join(rng.sample('abcdefghijlmnoprstuv', 8))} {name}"
        said.append(rng.choice(_SAID).format(name))
    return said


def hostile(seed: int = 3) -> list[str]:
    """What costs most, as long as a request may be: many names, wishes, denials, and words of nobody's."""
    rng = random.Random(seed)
    unknown = ["".join(rng.sample("abcdefghijlmnoprstuvz", 9)) for _ in range(60)]
    people = [f"{rng.choice(_FIRST)} {rng.choice(_LAST)}" for _ in range(60)]
    names = [rng.choice(_FIRST) for _ in range(60)]
    joins = (" ", " ou ", " e ", " não ", " não quero ", " quero ", " nem ", " menos ", " falei com ", ", ")
    said = [join.join(words) for join in joins for words in (unknown, people, names)]
    said += ["maria silva ou " * 40, "joão não quero maria " * 40, "é a maria " * 60, "um dois três " * 60]
    said += ["a " * 300, "não " * 200, "ou " * 200, "inho ".join(names), "x" * 600]
    return [text[:LONGEST] for text in said]


def run(options: Options) -> Results:
    """Each phrase by itself, processor time at its best of the rounds: what else runs is not counted."""
    destinations = directory(1000)
    began = time.perf_counter()
    matcher = Matcher(destinations)
    prepared_ms = (time.perf_counter() - began) * 1000
    said = phrases(destinations, max(100, round(2000 * options.scale)))
    best, worst = (
        [min(_milliseconds(matcher, phrase) for _ in range(max(3, options.rounds))) for phrase in those]
        for those in (said, hostile())
    )
    figures = {
        "destinations": len(destinations),
        "phrases": len(said),
        "prepared_ms": round(prepared_ms, 1),
        "median_ms": round(statistics.median(best), 3),
        "p99_ms": round(statistics.quantiles(best, n=100)[98], 3),
        "longest_ms": round(max(best), 3),
        "hostile_ms": round(max(worst), 3),
    }
    print(
        f"matching  {figures['destinations']} destinations, {figures['phrases']} phrases: "
        f"median {figures['median_ms']} ms, p99 {figures['p99_ms']} ms, longest {figures['longest_ms']} ms; "
        f"{len(worst)} hostile ones: longest {figures['hostile_ms']} ms "
        f"(limit {LIMIT_MS:g} ms); prepared in {figures['prepared_ms']} ms"
    )
    limits = [
        Limit("longest phrase", figures["longest_ms"], LIMIT_MS),
        Limit("longest hostile phrase", figures["hostile_ms"], LIMIT_MS),
    ]
    return {**figures, "limits": limits}


def _milliseconds(matcher: Matcher, phrase: str) -> float:
    began = time.thread_time()
    matcher.match(phrase)
    return (time.thread_time() - began) * 1000
