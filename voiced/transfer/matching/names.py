"""Given names of Brazil: which words are names, what a nickname is short for, and who is somebody else.

A word that is a name is never another name misheard: Carla is not Clara, Roberta is not Roberto.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from voiced.transfer.matching.spoken import Word, words

NICKNAME: Final = 0.94  # how alike a nickname is to the name that it is short for

# The most frequent of the census, as they are written; those that are everyday words are left out.
_COMMON: Final = words(
    """adalberto adão adelaide ademar ademir adilson adriana adriano agnaldo agostinho airton alan alberto
    alessandra alessandro alex alexandra alexandre alexandro alice alícia aline alisson allan almir altair
    alzira amanda amaro amélia ana anderson andré andréa andréia andressa ângela angélica ângelo anita
    antônia antônio aparecida aparecido arlete arlindo armando arnaldo artur augusto aurélio ayla bárbara
    batista beatriz benedita benedito benjamin bento bernardo bianca brenda breno bruna bruno caio camila
    camille carina carla carlos carmen carolina caroline cássia cássio catarina cauã cecília célia celina
    celso césar cícera cícero cintia cíntia clara clarice cláudia claudemir cláudio claudinei cléber cleide
    cleiton cleonice clóvis conceição creusa cristiana cristiane cristiano cristina daiane daisy damião
    daniel daniela daniele danilo dário davi débora deise denis denise diana diego dinalva diogo dirce
    djalma domingas domingos douglas dulce edemilson eder edilene edilson edinaldo edison edivaldo edmilson
    edna edneia edson eduarda eduardo elaine elba eleonora eliana eliane elias eliete elisa elisabete
    elisângela eliseu eliza elizabete elizabeth eloá eloísa elza emanuel emanuele emerson emília emílio
    enzo erica érica érico ernesto esmeralda ester estela eugênia eugênio eunice eva evandro evelyn
    everaldo everton ezequiel fabiana fabiano fabíola fábio fabrícia fabrício fátima felipe fernanda
    fernando flávia flávio florisvaldo francielle francisca francisco francine frederico gabriel gabriela
    gabriele genival geni geovana geovane geralda geraldo germano gerson gilberto gilmar gilson giovana
    giovani gisela gisele gislaine giulia graziela guilherme gustavo heitor helena hélio heloísa henrique
    hilda hugo humberto iago ian iara igor inácio inês ingrid iracema iraci irene isaac isabel isabela
    isabella isadora isaías ismael israel itamar ivan ivani ivete ivone ivonete izabel jacqueline jaime
    jair jairo janaína jane janete janice jaqueline jean jeane jeferson jennifer jéssica joana joão joaquim
    joaquina joel jonas jonathan jorge josé josefa joseane josiane josué josias jucilene julia juliana
    juliane juliano júlio jurandir juraci jussara karen karina karine karla kátia kauã keila kelly kelvin
    laís lara larissa laura lauro lavínia lázaro leandro leila leonardo leonice leonor letícia lia lidiane
    lígia lilian liliane lívia lorena lourdes lourenço lourival luan luana lucas lúcia luciana luciane
    luciano luciene lucimar lucinéia lúcio luís luísa luiz luiza lurdes luzia maicon manoel manuel manuela
    mara marcela marcelo márcia márcio marco marcos margarete margarida maria mariana mariane marília
    marina marinalva marinete mário marisa marise maristela mariza marlene marli marta mateus maurício
    mauro maximiliano mayara melissa michael michele miguel milena milton mirela míriam moacir moisés
    mônica murilo nádia nair natália natan nathalia neide neiva nelson neusa nicolas nicole nilson nilton
    nilza nivaldo norma odair olga olívia orlando osmar osvaldo oswaldo otávio pablo paloma pâmela patrícia
    paula paulo pedro pietra pietro poliana priscila rafael rafaela raimunda raimundo raissa ramon raquel
    raul rebeca regiane regina reginaldo reinaldo renan renata renato ricardo rita roberta roberto robson
    rodolfo rodrigo rogéria rogério romildo ronaldo roney roque rosa rosana rosane rosângela roseli
    rosemeire rosenilda rosilene rosimeire rosinaldo ruan rubens rui ruth samanta samara samuel sandra
    sandro santana sara sebastiana sebastião selma sérgio severina severino sheila shirley sidnei silas
    silvana silvano sílvia sílvio simão simone sofia solange sônia stefany suelen sueli suzana tadeu taís
    talita tamires tânia tatiana tatiane telma teresa teresinha tereza terezinha thaís thales thalita
    thiago tiago túlio ubiratan ulisses valdeci valdemar valdete valdir valdirene valentina valéria valério
    valmir valquíria valter vanda vander vanderlei vanessa vânia vera verônica vicente vinícius virgínia
    vitor vítor vitória vivian viviane vladimir wagner waldemar waldir walter wanda wanderley wanderson
    washington welington wellington wendel wesley weslley wilian william willian wilma wilson yago yara
    yasmin yuri zenaide zélia zilda zulmira"""
)
_NAME_SOUNDS: Final = frozenset(word.sound for word in _COMMON)

_SHORT_FOR: Final = {
    nickname: tuple(names.split())
    for nickname, names in {
        "ale": "alexandre alexandra alessandro alessandra", "bel": "isabel isabela", "bene": "benedito",
        "bete": "elisabete elizabete elizabeth", "beto": "roberto alberto humberto gilberto norberto",
        "bia": "beatriz bianca", "biel": "gabriel", "cadu": "eduardo", "carol": "carolina caroline",
        "cida": "aparecida", "chica": "francisca", "chico": "francisco", "clau": "claudia claudio",
        "cris": "cristina cristiane cristiano cristiana", "dani": "daniela daniele daniel danilo",
        "deco": "andre", "dito": "benedito", "dora": "isadora auxiliadora", "dri": "adriana adriano",
        "drica": "adriana", "duda": "eduarda eduardo", "dudu": "eduardo", "edu": "eduardo",
        "fabi": "fabiana fabiola", "fatinha": "fatima", "fe": "fernanda fernando felipe", "fred": "frederico",
        "gabi": "gabriela gabriele", "gi": "gisele giovana", "gio": "giovana giovani", "gu": "gustavo",
        "guga": "gustavo", "gui": "guilherme", "guto": "augusto gustavo", "helo": "heloisa",
        "isa": "isabel isabela isadora", "jeff": "jeferson jefferson", "jeni": "jennifer",
        "ju": "juliana julia juliano", "juca": "jose", "kiko": "francisco", "lena": "helena madalena",
        "leo": "leonardo leandro", "lili": "liliane lilian elisangela", "lu": "luciana lucia luiza luisa",
        "malu": "luiza luisa", "manu": "manuela manoela emanuel emanuele", "mari": "mariana marina mariane",
        "max": "maximiliano", "mila": "camila", "nanda": "fernanda", "nando": "fernando", "nat": "natalia",
        "nati": "natalia", "nico": "nicolas", "pati": "patricia", "paty": "patricia", "pri": "priscila",
        "quim": "joaquim", "quico": "francisco", "rafa": "rafael rafaela", "rica": "ricardo",
        "rick": "henrique ricardo", "sil": "silvia silvana", "tati": "tatiana tatiane",
        "tete": "teresa tereza", "tiao": "sebastiao", "tina": "cristina", "tonho": "antonio",
        "toni": "antonio", "toninho": "antonio", "val": "valdir valeria valdirene", "vini": "vinicius",
        "vivi": "viviane vivian", "xande": "alexandre", "ze": "jose", "zeca": "jose",
    }.items()
}  # fmt: skip
_DIMINUTIVES: Final = (  # what stands at the end, what for it, and the ends that the name itself may have
    ("quinho", "c", ("o", "os")), ("quinha", "c", ("a",)), ("guinho", "g", ("o",)), ("guinha", "g", ("a",)),
    ("zinho", "", ("",)), ("zinha", "", ("",)),
    ("inho", "", ("o", "", "io", "e", "os")), ("inha", "", ("a", "", "ia", "e")),
)  # fmt: skip


def is_common_name(word: Word) -> bool:
    """Whether a word is a given name, or short for one."""
    return (
        word.sound in _NAME_SOUNDS
        or word.text in _SHORT_FOR
        or any(name.sound in _NAME_SOUNDS for name in full_names(word.text))
    )


@lru_cache(maxsize=10_000)
def full_names(text: str) -> tuple[Word, ...]:
    """The names that a folded word may be short for: nicknames, diminutives, and nicknames of those.

    >>> [name.text for name in full_names("bia")], [name.text for name in full_names("chiquinho")][-1]
    (['beatriz', 'bianca'], 'francisco')
    """
    plain = list(_plain_of(text.removesuffix("s")))
    short = [name for nickname in (text, *plain) for name in _SHORT_FOR.get(nickname, ())]
    return tuple(words(" ".join([*plain, *short])))


def is_other_gender(said: str, name: str) -> bool:
    """Whether two folded names are a man's and a woman's: they differ in how they end, and in nothing else.

    >>> is_other_gender("roberta", "roberto"), is_other_gender("luiza", "luis"), is_other_gender("rui", "rui")
    (True, True, False)
    """
    said, name = (text[:-1] + "s" if text.endswith("z") else text for text in (said, name))
    return said != name and not _stems(said).isdisjoint(_stems(name))


def of_other_gender(text: str) -> Iterator[str]:
    """What a folded name may be for the other gender, whether there is such a name or not."""
    for stem in _stems(text):
        yield from (f"{stem}{ending}" for ending in ("", "a", "o", "e"))


def _stems(text: str) -> set[str]:
    stems = {text, text[:-1]} if text.endswith(("a", "e", "o")) else {text}
    return {stem[:-1] + "s" if stem.endswith("z") else stem for stem in stems}


def _plain_of(text: str) -> Iterator[str]:
    for ending, stem_end, endings in _DIMINUTIVES:
        stem = text.removesuffix(ending)
        if stem != text and stem:
            yield from (f"{stem}{stem_end}{plain}" for plain in endings)
