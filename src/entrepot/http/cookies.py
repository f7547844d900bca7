"""The names of the cookies that browsers keep for us."""


def session_cookie(*, is_https: bool) -> str:
    """The name of the cookie that says who is signed in; over HTTPS no other site can set it."""
    return "__Host-entrepot" if is_https else "entrepot_session"
