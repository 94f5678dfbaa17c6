"""URLs signed for CloudFront."""

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pipeline.aws.cloudfront import Cdn
from pipeline.core.errors import MissingDependency
from pipeline.core.setting_types import CdnSettings
from pipeline.core.settings import Settings
from tests.fakes.signatures import key_pair, unsigned, wildcard

TERRAFORM = Path(__file__).parents[3] / "infra" / "cdn.tf"
SETTINGS = CdnSettings(domain="cdn.example.com", key_id="K1", key_parameter="/videodrop/key")
KEY, PEM = key_pair()


class Parameters:
    def __init__(self, value: str) -> None:
        self.value = value
        self.asked: list[dict[str, Any]] = []

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"Parameter": {"Value": self.value}}


def test_an_address_is_signed_for_one_file_and_for_so_long():
    url = Cdn(Parameters(PEM), SETTINGS).url("artifacts/a b+c/poster.jpg", lasts_s=600)
    resource, ends = unsigned(url, KEY, "K1")
    assert resource == "https://cdn.example.com/artifacts/a%20b%2Bc/poster.jpg"
    assert 0 <= time.time() + 600 - ends < 60


def test_the_files_of_a_result_have_one_signature_and_it_is_for_them_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    cdn, signed = Cdn(Parameters(PEM), SETTINGS), []
    sign = cdn._signer.rsa_signer
    monkeypatch.setattr(cdn._signer, "rsa_signer", lambda text: signed.append(text) or sign(text))
    address = cdn.urls("artifacts/a b/1/", lasts_s=600)
    urls = [address(f"hls/{number:05d}+.m4s") for number in range(1800)]
    assert len(signed) == 1
    assert urls[7].startswith("https://cdn.example.com/artifacts/a%20b/1/hls/00007%2B.m4s?Policy=")
    resource, ends = wildcard(urls[7], KEY, "K1")
    assert resource == "https://cdn.example.com/artifacts/a%20b/1/*"
    assert 0 <= time.time() + 600 - ends < 60
    assert {url.partition("?")[2] for url in urls} == {urls[0].partition("?")[2]}


def test_a_name_in_any_script_to_save_a_file_by_survives():
    url = Cdn(Parameters(PEM), SETTINGS).url("a.mp4", lasts_s=600, download_as="映画.mp4")
    resource, _ = unsigned(url, KEY, "K1")
    (disposition,) = parse_qs(urlsplit(resource).query)["response-content-disposition"]
    assert disposition.endswith("; filename*=UTF-8''%E6%98%A0%E7%94%BB.mp4")


def test_the_variables_that_terraform_sets_are_all_of_the_settings(monkeypatch: pytest.MonkeyPatch):
    names = set(re.findall(r"VIDEODROP_CDN__\w+", TERRAFORM.read_text()))
    assert names == {f"VIDEODROP_CDN__{field.upper()}" for field in CdnSettings.model_fields}
    for name in names:
        monkeypatch.setenv(name, name)
    monkeypatch.setenv("VIDEODROP_PUBLIC_ORIGINS", '["https://cdn.example.com"]')
    found = Settings()
    assert found.cdn is not None
    assert found.cdn.key_parameter == "VIDEODROP_CDN__KEY_PARAMETER"
    assert found.public_origins == {"https://cdn.example.com"}


def test_the_name_to_save_a_file_by_is_signed_too():
    url = Cdn(Parameters(PEM), SETTINGS).url("a.mp4", lasts_s=600, download_as="film 1.mp4")
    resource, _ = unsigned(url, KEY, "K1")
    disposition = "attachment%3B%20filename%3D%22film%201.mp4%22"
    assert resource == f"https://cdn.example.com/a.mp4?response-content-disposition={disposition}"


def test_the_key_is_read_once_and_not_before_it_is_needed():
    parameters = Parameters(PEM)
    cdn = Cdn(parameters, SETTINGS)
    assert parameters.asked == []
    cdn.url("a", lasts_s=600)
    cdn.urls("b/", lasts_s=600)
    assert parameters.asked == [{"Name": "/videodrop/key", "WithDecryption": True}]


@pytest.mark.parametrize(
    "value",
    [
        "no key",
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode(),
        KEY.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ).decode(),
    ],
    ids=["text", "another kind", "passphrase"],
)
def test_an_invalid_key_is_reported(value: str):
    with pytest.raises(MissingDependency, match="/videodrop/key is not an RSA private key"):
        Cdn(Parameters(value), SETTINGS).url("a", lasts_s=600)
