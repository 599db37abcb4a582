"""What an address tells, and to whom a key may go."""

import pytest

from rapo.judging.address import Address, is_secret, secrets_of, without, without_secrets


def test_the_address_is_given_or_of_the_environment_or_openais(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1/")
    assert Address.of("http://localhost:2/v1").url == "http://localhost:2/v1"
    assert Address.of().url == "http://localhost:1/v1"
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert Address.of().url == "https://api.openai.com/v1"
    assert Address.of().is_openai


def test_parts_that_nobody_else_needs_are_not_shown():
    found = Address.of("https://me:pass%40word@judge.example:8/a/?version=2&sig=abcdefgh#x")
    assert found.shown == "https://judge.example:8/a"
    assert found.url == "https://me:pass%40word@judge.example:8/a"
    assert found.query == {"version": "2", "sig": "abcdefgh"}
    assert found.parameters == {"version": "2"}
    told = without("me:pass@word and pass%40word and abcdefgh at 2", found.secrets)
    assert told == "me:*** and *** and *** at 2"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://judge.example/v1", True),
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.3/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://judge.example/v1", False),
        ("http://192.168.0.1/v1", False),
        ("http://localhost@judge.example/v1", False),
        ("http://localhost.judge.example/v1", False),
    ],
)
def test_who_can_listen(url, safe):
    assert Address.of(url).is_safe is safe


@pytest.mark.parametrize("url", ["judge.example/v1", "ftp://judge.example", "http://", "word"])
def test_what_is_no_address_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="for example, http://localhost:8000/v1"):
        Address.of(url)


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "api-key", "apiKey", "APIKey", "apikey", "X-Api-Key", "OPENAI_API_KEY", "key", "api_keys"),
        *("token", "access_token", "authToken", "hftoken", "X-Amz-Security-Token", "access_tokens"),
        *("secret", "client_secret", "clientsecret", "password", "passwd", "Authorization", "bearer", "auth"),
        *("x-auth-user", "Set-Cookie", "cookies", "X-Amz-Signature", "credentials", "sig", "code"),
    ],
)
def test_names_of_secrets_are_known_by_their_words(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("thinking_token_budget", "stop_token_ids", "allowed_token_ids", "max_tokens", "eos_token", "tokenizer"),
        *("truncate_prompt_tokens", "skip_special_tokens", "return_tokens_as_token_ids", "token_type", "tokens"),
        *("keyword", "keywords", "author", "authority", "key_variable", "prompt_cache_key", "monkey", "7"),
        *("code_style", "design", "encode"),
    ],
)
def test_settings_whose_names_hold_such_words_are_none(name):
    assert not is_secret(name)


def test_secrets_are_found_at_whatever_depth_and_all_else_stays():
    route = {"model": "m", "api_key": "sk-one", "auth": {"user": "sk-two", "more": ["sk-three", 4]}}
    given = {
        "user_config": {"routes": [{"litellm_params": route}, "plain"]},
        "logit_bias": {7: -100},
        "stop": ["a"],
    }
    kept = {"user_config": {"routes": [{"litellm_params": {"model": "m"}}, "plain"]}, "logit_bias": {7: -100}}
    assert without_secrets(given) == {**kept, "stop": ["a"]}
    assert secrets_of(given) == ["sk-one", "sk-two", "sk-three", "4"]
    assert route["api_key"] == "sk-one"  # what was given is as it was
