"""Key pairs: what each half holds, and how one follows another."""

import jwt

from functions.auth.keys import new_private_keys, public_keys


def test_the_public_half_verifies_and_tells_no_secret() -> None:
    private = new_private_keys()
    public = public_keys(private)
    signed = jwt.encode({"a": 1}, jwt.PyJWK(private["keys"][0]), "ES256")
    assert jwt.decode(signed, jwt.PyJWK(public["keys"][0]), algorithms=["ES256"]) == {"a": 1}
    assert set(public["keys"][0]) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_a_new_key_stands_before_the_older_ones() -> None:
    first = new_private_keys()
    both = new_private_keys(older=first["keys"])
    assert both["keys"][1:] == first["keys"]
    assert len({key["kid"] for key in both["keys"]}) == 2


def test_a_key_is_named_by_its_thumbprint() -> None:
    """The example of RFC 7638 §3.1 is RSA; for EC the members are crv, kty, x, y."""
    from functions.auth.keys import _thumbprint  # pyright: ignore[reportPrivateUsage]

    key = {  # RFC 8037 has no EC example; this one is of RFC 7517 appendix A.1
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
        "kid": "1",
    }
    assert _thumbprint(key) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
