//! What a request gets. There is nothing to be changed here: whoever may look may look at everything, and
//! nobody may do anything.

use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    HeaderValue, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::host::Hosts;
use super::poll::Watch;
use super::view::View;

const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const ICON: &str = include_str!("assets/icon.svg");

/// A browser loads what lies here and nothing else, runs no script that stands in a text, sends nothing
/// anywhere, and shows this page in no other one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Longest path that could be one of ours.
const PATH_BYTES_MAX: usize = 64;

/// What is sent back.
pub(super) type Answer = Response<http_body_util::Full<Bytes>>;

/// Answers a request by its head alone.
pub(super) fn answer(head: &Parts, hosts: &Hosts, watch: &Watch) -> Answer {
    if !is_ours(head, hosts) {
        let text = "This machine is not called that. Names that it may be called by stand under page.hosts of \
                    the station's configuration.\n";
        return plain(StatusCode::MISDIRECTED_REQUEST, text);
    }
    if has_body(head) {
        // It is not read, so that nothing can follow it.
        let mut refused = plain(StatusCode::BAD_REQUEST, "Nothing can be sent here.\n");
        let close = HeaderValue::from_static("close");
        refused.headers_mut().insert(CONNECTION, close);
        return refused;
    }
    if head.method != Method::GET && head.method != Method::HEAD {
        let text = "This page can be looked at, and nothing else.\n";
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, text);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    let path = head.uri.path();
    if path.len() > PATH_BYTES_MAX {
        return plain(StatusCode::NOT_FOUND, "There is no such thing.\n");
    }
    route(path, watch)
}

fn route(path: &str, watch: &Watch) -> Answer {
    match path {
        "/" => found("text/html; charset=utf-8", PAGE),
        "/page.css" => found("text/css; charset=utf-8", STYLE),
        "/page.js" => found("text/javascript; charset=utf-8", SCRIPT),
        "/icon.svg" => found("image/svg+xml", ICON),
        "/api/state" => {
            let known = watch.known();
            let pictures = watch.album.pictures();
            let view = View::new(watch.name(), &known, &pictures, watch.clock.now_us());
            match serde_json::to_vec(&view) {
                Ok(json) => found("application/json", json),
                Err(error) => {
                    log::error!("what a browser shows: {error}");
                    plain(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "A fault of this program.\n",
                    )
                }
            }
        }
        "/metrics" => {
            let figures = watch.figures(&watch.known());
            found("text/plain; version=0.0.4; charset=utf-8", figures)
        }
        _ => match picture(path).and_then(|number| watch.album.picture(number)) {
            Some(jpeg) => found("image/jpeg", jpeg),
            None => plain(StatusCode::NOT_FOUND, "There is no such thing.\n"),
        },
    }
}

/// The part whose picture a path names.
fn picture(path: &str) -> Option<u64> {
    let number = path.strip_prefix("/pictures/")?.strip_suffix(".jpg")?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok())?
}

/// Whether the browser was told to come here by a name of ours. One name, said once.
fn is_ours(head: &Parts, hosts: &Hosts) -> bool {
    let mut named = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return false;
    };
    let asked = head.uri.authority();
    host.to_str().is_ok_and(|host| hosts.include(host))
        && asked.is_none_or(|asked| hosts.include(asked.as_str()))
}

fn has_body(head: &Parts) -> bool {
    let length = head.headers.get(CONTENT_LENGTH);
    length.is_some_and(|length| length.as_bytes() != b"0")
        || head.headers.contains_key(TRANSFER_ENCODING)
}

fn found(kind: &'static str, body: impl Into<Bytes>) -> Answer {
    send(StatusCode::OK, kind, body)
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    send(status, "text/plain; charset=utf-8", text)
}

fn send(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(http_body_util::Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        // What is shown is now, or nothing.
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let same = HeaderValue::from_static("same-origin");
    headers.insert("cross-origin-resource-policy", same);
    answer
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hyper::Request;
    use hyper::body::Body as _;

    use super::super::setup::PageSetup;
    use super::*;

    fn watch(pictures: PathBuf) -> Watch {
        Watch::new(&PageSetup {
            name: "left".to_owned(),
            socket: PathBuf::from("nobody"),
            pictures,
            listen: None,
            hosts: Vec::new(),
            textfile: None,
            mqtt: None,
        })
    }

    /// What a request with these fields gets.
    fn ask(method: &str, uri: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        answer(&head, &Hosts::new(&[]), &watch(PathBuf::from("nowhere")))
    }

    fn status(method: &str, uri: &str, fields: &[(&str, &str)]) -> u16 {
        ask(method, uri, fields).status().as_u16()
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:8080");

    #[test]
    fn everything_has_a_policy_and_is_kept_by_nobody() {
        for uri in [
            "/",
            "/page.js",
            "/page.css",
            "/icon.svg",
            "/api/state",
            "/metrics",
            "/no",
        ] {
            let answer = ask("GET", uri, &[HERE]);
            let header = |name: &str| answer.headers().get(name).unwrap().to_str().unwrap();
            assert!(header("content-security-policy").starts_with("default-src 'none'"));
            assert_eq!(header("cache-control"), "no-store");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert!(!answer.headers().contains_key("set-cookie"));
            assert_eq!(answer.status().is_success(), uri != "/no", "{uri}");
            assert!(answer.body().size_hint().exact() > Some(10), "{uri}");
        }
    }

    #[test]
    fn who_calls_this_machine_by_another_name_gets_nothing() {
        assert_eq!(status("GET", "/", &[("host", "evil.example")]), 421);
        assert_eq!(status("GET", "/", &[]), 421);
        assert_eq!(status("GET", "/", &[HERE, ("host", "evil.example")]), 421);
        assert_eq!(status("GET", "http://evil.example/", &[HERE]), 421);
        assert_eq!(status("GET", "/", &[("host", "localhost")]), 200);
    }

    #[test]
    fn nothing_can_be_done_or_sent() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
            assert_eq!(status(method, "/api/state", &[HERE]), 405, "{method}");
        }
        assert_eq!(status("GET", "/", &[HERE, ("content-length", "5")]), 400);
        assert_eq!(
            status("GET", "/", &[HERE, ("transfer-encoding", "chunked")]),
            400
        );
        assert_eq!(status("HEAD", "/", &[HERE, ("content-length", "0")]), 200);
    }

    #[test]
    fn a_path_names_a_part_and_never_a_file() {
        assert_eq!(picture("/pictures/12.jpg"), Some(12));
        for wrong in [
            "/pictures/.jpg",
            "/pictures/-1.jpg",
            "/pictures/+1.jpg",
            "/pictures/../control.sock",
            "/pictures/..%2f1.jpg",
            "/pictures/1.jpg/",
            "/pictures/99999999999999999999.jpg",
        ] {
            assert_eq!(picture(wrong), None, "{wrong}");
            assert_eq!(status("GET", wrong, &[HERE]), 404);
        }
        let long = format!("/{}", "a".repeat(PATH_BYTES_MAX));
        assert_eq!(status("GET", &long, &[HERE]), 404);
    }
}
