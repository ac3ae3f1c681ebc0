"""Signatures are those of the Standard Webhooks specification."""

from base64 import b64decode

import pytest

from functions.webhooks.signatures import new_secret, signature, signed_headers

# libraries/javascript/src/webhook.test.ts of github.com/standard-webhooks/standard-webhooks
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_the_published_vector(secret: str) -> None:
    assert signature(secret, ID, TIMESTAMP, BODY) == SIGNATURE


def test_the_headers_have_the_specifications_names() -> None:
    assert signed_headers([SECRET], ID, TIMESTAMP, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_several_secrets_sign_beside_each_other() -> None:
    other = new_secret()
    signatures = signed_headers([other, SECRET], ID, TIMESTAMP, BODY)["webhook-signature"]
    assert signatures.split(" ") == [signature(other, ID, TIMESTAMP, BODY), SIGNATURE]


@pytest.mark.parametrize(
    ("message_id", "timestamp", "body"),
    [("msg_other", TIMESTAMP, BODY), (ID, TIMESTAMP + 1, BODY), (ID, TIMESTAMP, BODY + b" ")],
)
def test_id_time_and_body_are_all_signed(message_id: str, timestamp: int, body: bytes) -> None:
    assert signature(SECRET, message_id, timestamp, body) != SIGNATURE


def test_secrets_are_long_and_each_is_new() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(b64decode(one.removeprefix("whsec_"))) for one in made} == {32}
