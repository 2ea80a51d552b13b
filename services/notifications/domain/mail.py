"""The notice as an e-mail: the same words as the letter's, and nothing that says anything of anybody's health."""

from dataclasses import dataclass, field

from services.notifications.domain.wording import PHONE, SITE, Wording


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail to be sent."""

    notice: str
    to: str = field(repr=False)
    sender: str
    subject: str
    text: str = field(repr=False)


def mail_text(words: Wording, *, sender: str, code: str, child: str | None, address: tuple[str, ...]) -> str:
    """Return the body of the e-mail, in paragraphs; the one link leads to the site's first page."""
    about = f"Ce courrier concerne {child}, que vous représentez légalement : « vous » désigne ici cet enfant.\n\n"
    return "\n\n".join(
        [
            "Madame, Monsieur,",
            f"{about if child else ''}{words.opening}",
            f"{words.service} {words.dmp}",
            f"VOTRE CODE PROVISOIRE : {code}\n{words.code_rules}.",
            f"Vous avez {words.delay} {words.oppose}",
            f"- en ligne {words.online}\n- par téléphone au {PHONE} ({words.phone}) ;\n- par courrier {words.post}",
            f"{words.without_answer} {words.activate}",
            f"Qui voit vos données ? {words.access} {words.physician} {words.rights}",
            f"Fermer votre espace : {words.closing}",
            "Avec toute notre attention,",
            "\n".join([sender, *address]),
            f"https://www.{SITE}\n{words.law}",
        ]
    )
