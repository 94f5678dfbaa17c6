"""Signatures of webhooks."""

import base64

from pipeline.results.outgoing import signature


def test_a_message_is_signed_as_the_standard_says():
    # The example of https://docs.svix.com/receiving/verifying-payloads/how-manual
    made = signature.headers(
        ["whsec_plJ3nmyCDGBKInavdOK15jsl"],
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
    )
    assert made == {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }


def test_a_secret_has_256_random_bits():
    one, other = signature.new_secret(), signature.new_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32
