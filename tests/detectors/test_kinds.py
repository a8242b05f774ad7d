"""Names of detectors that policies may use are names that findings bear."""

from __future__ import annotations

from gateway.detectors import Internal, Settings, company, detector_names, internal


def test_every_probe_of_company_content_is_a_known_kind():
    settings = Settings(internal=Internal(hosts=("a.example",), packages=("com.a",)))
    probes = [*company.probes(settings), *internal.probes(settings)]
    assert {probe.name for probe in probes} <= detector_names()
    assert {probe.name for probe in internal.probes(settings)} == set(internal.KINDS)


def test_languages_levels_and_secrets_are_known():
    assert {"code:python", "config:yaml", "marking:tlp-red", "license:all-rights-reserved"} <= (
        detector_names()
    )
    assert any(name.startswith("secret:") for name in detector_names())
