"""The words of everyday in which callers wrap a name, folded: no accents, and `eh` for é, which is no e.

English stands beside Portuguese only where it cannot be mistaken for it.
"""

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# -- words that say nothing by themselves -----------------------------------------------------------------

TITLES: Final = {
    **dict.fromkeys(("dr", "doutor", "dotor"), "dr"),
    **dict.fromkeys(("dra", "doutora", "dotora"), "dra"),
    **dict.fromkeys(("prof", "professor"), "prof"),
    **dict.fromkeys(("profa", "professora"), "profa"),
}
_ADDRESSES: Final = _set("sr sra srta senhor senhora seu dona") | TITLES.keys()
LINKS: Final = _set("de do da dos das from")
ARTICLES: Final = _set("o a os as")
TOWARDS: Final = _set("com pra para pro pras pros no na ao with to")
_SMALL: Final = (
    ARTICLES
    | TOWARDS
    | _set(
        """um uma uns umas em nos nas aos por pelo pela sem e eh que se me te lhe mim eu tu voce voces vc ele
        ela eles elas nos meu minha meus minhas sua seus suas nosso nossa esse essa este esta isso isto
        aquele aquela la ai aqui ali mas porem entao assim ja so tambem ainda agora hoje amanha ontem logo
        mesmo mesma direto rapido urgente urgentemente muito bem tudo tipo olha olhe escuta ne ta oh ah uai
        oxe bah tche viu hein ok caso ,"""
    )
)
DESIRES: Final = _set(
    """quero queria queremos queriamos gostaria gostariamos preciso precisava precisamos precisaria prefiro
    preferia desejo desejaria necessito querendo precisando procuro procurando busco quer pedi want need"""
)
CONTACTS: Final = _set(
    """falar fala fale conversar passa passe passar transfere transfira transferir liga ligue ligar conecta
    conecte conectar chama chame chamar bota bote coloca coloque poe ponha manda mande encaminha encaminhe
    encaminhar direciona direcione direcionar joga jogue disca discar contatar localizar acha speak talk
    transfer connect put"""
)
_WANTED: Final = (
    DESIRES
    | CONTACTS
    | _set("posso pode poderia podia podem consigo consegue conseguir falando fazer tem dar da da")
)
_EVERYDAY: Final = _set(
    """favor gentileza oi ola alo opa bom boa dia tarde noite obrigado obrigada brigado licenca ver ve vou
    vamos ir pedir saber tratar ter tenho temos tendo ser sou somos estao estou tava estava tou to tinha
    foi era seria sao fosse seja como onde quando nao nunca jamais nem num sim sei acho lembro possivel
    preferencia favorzinho responsavel livre estiver tanto faz trabalha atende atender cuida puder possa
    ramal extensao numero telefone setor departamento area pessoal equipe time turma galera parte nome
    chamado chamada amor deus carne osso mais ajuda ajudar ajude duvida duvidas informacao informacoes
    assunto contato ligacao problema problemas resolver resolva resolve perguntar pergunta tirar moca moco
    rapaz menino menina cara mulher homem querida querido amigo amiga filho filha mano chefia jeito nenhum
    nenhuma nada espera perai melhor verdade serve ligou falou pediu disse mandou atendeu atendido passou
    ficou retornou retornar esperando precisar procurar obsequio cliente chato coisa sera linha urgencia
    momento instante minuto minutinho pouco sobre respeito"""
)
GENERICS: Final = _set(
    """atendente atendentes pessoa pessoas alguem humano humana gente qualquer quem ninguem outro outra outros
    outras disponivel real robo maquina gravacao funcionario funcionaria someone somebody anyone anybody
    person human agent operator representative"""
)
OTHERS: Final = _set("outro outra outros outras")
_ENGLISH: Final = _set(
    """i would like can could you please hi hello good morning afternoon the an to with from in of for my
    through mr mrs ms department extension number thanks not dont don t is it nem"""
)
QUALIFIES: Final = _set(  # after `que`: it still says who
    """trabalha cuida fica atende eh e faz mexe resolve responde entende vende conserta lida esta ta era tem
    chama cuidam trabalham fazem seja entenda cuide"""
)
SMALL: Final = LINKS | _SMALL
ASKING: Final = DESIRES | CONTACTS | GENERICS
FILLERS: Final = SMALL | _ADDRESSES | _WANTED | _EVERYDAY | GENERICS | QUALIFIES | _ENGLISH

# -- what callers do, and where that is done --------------------------------------------------------------

CUSTOMERS: Final = {  # a customer's buying is our selling; `Compras` buys from suppliers
    **dict.fromkeys(("comprar", "compro"), ("vendas", "comercial")),
    **dict.fromkeys(("vender", "vendo"), ("compras",)),
    **dict.fromkeys(("pagar", "pagando"), ("financeiro", "cobranca")),
}
POSTS: Final = _set(  # a post that nobody has is no name: `o gerente do suporte` is asked for in `suporte`
    """gerente chefe supervisor supervisora coordenador coordenadora gestor gestora lider encarregado
    encarregada diretor diretora assistente analista tecnico tecnica vendedor vendedora secretario
    secretaria colaborador colaboradora consultor consultora auxiliar estagiario estagiaria especialista"""
)
PAPERS: Final = _set(  # the number after these is none of ours: `pedido 2007`
    """pedido pedidos nota notas protocolo protocolos boleto contrato processo ordem chamado ticket cpf cnpj
    cep rg codigo fatura apolice matricula cartao senha lote casa apartamento sala rua avenida ano em desde
    dia as sao ate reais valor placa"""
)

# -- denial -----------------------------------------------------------------------------------------------

NEGATIONS: Final = _set("nao nunca jamais num nem not dont don")
INTENSIFIERS: Final = _set("mais me eu nos te nem vou t a gente")  # between a `não` and its verb
COPULAS: Final = _set("eh era seria seja sejam for fosse")
DENIABLE: Final = (  # after `não`: it is the destination that is denied, not what happened
    DESIRES | COPULAS | _set("com pra para pro gosto suporto aguento aceito admito falo precisa with to")
)
NOBODY_ELSE: Final = _set("ninguem outro outra nenhum nenhuma nobody")  # `ninguém que não seja o Rui`: Rui
POLITE: Final = _set(
    """por favor gentileza obrigado obrigada brigado viu ne hein ok de do jeito nenhum mesmo novo mais pelo
    amor deus ta bem bom please thanks nao nunca nem pensar pau morto morta me serve interessa adianta
    presta"""
)

# -- who did what -----------------------------------------------------------------------------------------

CALLED: Final = _set("ligou chamou ficou procurou retornou falou pediu disse avisou")
TOLD: Final = _set("falou pediu disse avisou")  # and whom they told of may be who is wanted
SENT: Final = _set("mandou indicou orientou recomendou passou encaminhou vendeu atendeu transferiu")
SHE: Final = _set("ele ela eles elas")
RELATED: Final = _set(  # `sou cliente da Ana, queria falar com ela`
    """cliente paciente aluno aluna amigo amiga esposa marido mulher mae pai filho filha irmao irma parente
    colega"""
)
NEXT_TO_NAMES: Final = ARTICLES | TOWARDS | LINKS | _ADDRESSES | _set("um uma ao")
