//! What a request gets. Whoever may look may look at everything. Nobody may change anything, but for marks on records
//! where the station has a token: those are [`super::review`]'s.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    HeaderValue, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::host::Hosts;
use super::poll::Watch;
use super::review::{self, Pending, Reviews};
use super::view::{Pictured, View};

const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const ICON: &str = include_str!("assets/icon.svg");

/// A browser loads what lies here and nothing else, runs no script that stands in a text, sends nothing
/// anywhere, and shows this page in no other one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Longest path that could be one of ours.
const PATH_BYTES_MAX: usize = 96;

/// What is sent back.
pub(super) type Answer = Response<http_body_util::Full<Bytes>>;

/// What is sent back, now or when a mark is written.
#[derive(Debug)]
pub(super) enum Answered {
    Now(Answer),
    Later(Pending),
}

/// Who answers.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) hosts: Hosts,
    pub(super) watch: Arc<Watch>,
    /// None where nobody may mark parts.
    pub(super) reviews: Option<Reviews>,
}

/// Answers a request of somebody at this address by its head alone.
pub(super) fn answer(head: &Parts, peer: IpAddr, desk: &Desk) -> Answered {
    if let Some(refused) = refuse(head, &desk.hosts) {
        return Answered::Now(refused);
    }
    let path = head.uri.path();
    if let (&Method::POST, Some(reviews)) = (&head.method, &desk.reviews)
        && path.len() <= PATH_BYTES_MAX
        && let Some(rest) = path.strip_prefix(review::PREFIX)
    {
        return reviews.post(head, rest, peer, desk.watch.clock.now_us());
    }
    Answered::Now(look(head, path, desk))
}

/// What nobody may ask, however.
fn refuse(head: &Parts, hosts: &Hosts) -> Option<Answer> {
    if !is_ours(head, hosts) {
        let text = "This machine is not called that. Names that it may be called by stand under page.hosts of \
                    the station's configuration.\n";
        return Some(plain(StatusCode::MISDIRECTED_REQUEST, text));
    }
    if has_body(head) {
        // It is not read, so that nothing can follow it.
        let mut refused = plain(StatusCode::BAD_REQUEST, "Nothing can be sent here.\n");
        let close = HeaderValue::from_static("close");
        refused.headers_mut().insert(CONNECTION, close);
        return Some(refused);
    }
    None
}

fn look(head: &Parts, path: &str, desk: &Desk) -> Answer {
    if head.method != Method::GET && head.method != Method::HEAD {
        let text = "This page can be looked at, and nothing else.\n";
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, text);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    if path.len() > PATH_BYTES_MAX {
        return plain(StatusCode::NOT_FOUND, "There is no such thing.\n");
    }
    route(path, desk)
}

fn route(path: &str, desk: &Desk) -> Answer {
    let watch = &desk.watch;
    match path {
        "/" => found("text/html; charset=utf-8", PAGE),
        "/page.css" => found("text/css; charset=utf-8", STYLE),
        "/page.js" => found("text/javascript; charset=utf-8", SCRIPT),
        "/icon.svg" => found("image/svg+xml", ICON),
        "/api/state" => {
            let known = watch.known();
            let pictures = watch.album.pictures();
            let records = desk.reviews.as_ref().map(Reviews::known);
            let shown = Pictured {
                pictures: &pictures,
                records: records.as_ref().map_or(&[], |records| records),
                run: watch.run_name(),
            };
            let view = View::new(watch.name(), &known, shown, watch.clock.now_us());
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

pub(super) fn plain(status: StatusCode, text: &'static str) -> Answer {
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
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use hyper::Request;
    use hyper::body::Body as _;

    use super::super::marks::MarksSpec;
    use super::super::setup::PageSetup;
    use super::super::token::Token;
    use super::*;

    fn desk(marks: Option<MarksSpec>) -> Desk {
        let setup = PageSetup {
            name: "left".to_owned(),
            socket: PathBuf::from("nobody"),
            pictures: PathBuf::from("nowhere"),
            listen: None,
            hosts: Vec::new(),
            textfile: None,
            mqtt: None,
            run: None,
            marks,
        };
        Desk {
            hosts: Hosts::new(&[]),
            watch: Arc::new(Watch::new(&setup)),
            reviews: setup.marks.as_ref().map(Reviews::start),
        }
    }

    fn head(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// What a request with these fields gets where nobody may mark anything.
    fn ask(method: &str, uri: &str, fields: &[(&str, &str)]) -> Answer {
        match answer(&head(method, uri, fields), PEER, &desk(None)) {
            Answered::Now(answer) => answer,
            Answered::Later(pending) => panic!("{pending:?}"),
        }
    }

    const TOKEN: &str = "0123456789abcdef";
    const MARK: &str = "/api/records/record-00000001-fail/false-reject";

    /// A desk whose token is [`TOKEN`], and whose records lie here.
    fn marking(records: &std::path::Path) -> Desk {
        let file = records.join("token");
        std::fs::write(&file, TOKEN).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        desk(Some(MarksSpec {
            token: Token::read(&file).unwrap(),
            records: records.to_owned(),
            run: "a run".to_owned(),
        }))
    }

    /// What a request gets that wants to mark a part, with these fields beside that of [`HERE`].
    fn post(desk: &Desk, uri: &str, fields: &[(&str, &str)]) -> Result<Answer, Pending> {
        let fields = [&[HERE], fields].concat();
        match answer(&head("POST", uri, &fields), PEER, desk) {
            Answered::Now(answer) => Ok(answer),
            Answered::Later(pending) => Err(pending),
        }
    }

    const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:8080");
    const RIGHT: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");

    #[test]
    fn a_mark_needs_this_page_the_token_and_no_body() {
        let folder = tempfile::tempdir().unwrap();
        let desk = marking(folder.path());
        let refused = |uri: &str, fields: &[(&str, &str)]| {
            post(&desk, uri, fields).unwrap().status().as_u16()
        };
        for foreign in [
            &[RIGHT][..],
            &[RIGHT, ("origin", "null")],
            &[RIGHT, ("origin", "http://evil.example")],
            &[RIGHT, ("origin", "http://127.0.0.1:8081")],
            &[RIGHT, ("origin", "http://127.0.0.1")],
            &[RIGHT, ("origin", "ftp://127.0.0.1:8080")],
            &[RIGHT, ORIGIN, ("origin", "http://evil.example")],
            &[RIGHT, ORIGIN, ("sec-fetch-site", "cross-site")],
            &[RIGHT, ORIGIN, ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(refused(MARK, foreign), 403, "{foreign:?}");
        }
        for nobody in [
            &[ORIGIN][..],
            &[ORIGIN, ("authorization", "Basic 0123456789abcdef")],
            &[ORIGIN, RIGHT, RIGHT],
        ] {
            assert_eq!(refused(MARK, nobody), 401, "{nobody:?}");
        }
        assert_eq!(
            refused(MARK, &[ORIGIN, RIGHT, ("content-length", "1")]),
            400
        );
        for nothing in [
            "/api/records/",
            "/api/records/record-00000001-fail",
            "/api/records/record-00000001-fail/good",
            "/api/records/record-00000001-fail/escape/..",
            "/api/records/../record-00000001-fail/escape",
            "/api/records/record-1-fail/escape",
        ] {
            assert_eq!(refused(nothing, &[ORIGIN, RIGHT]), 404, "{nothing}");
        }
        for elsewhere in ["/", "/api/state", "/api/recordsx"] {
            assert_eq!(refused(elsewhere, &[ORIGIN, RIGHT]), 405, "{elsewhere}");
        }
        let field = [ORIGIN, RIGHT, ("sec-fetch-site", "same-origin")];
        let pending = post(&desk, MARK, &field).unwrap_err();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        // Nothing lies there.
        assert_eq!(runtime.block_on(pending.answer()).status(), 404);
        assert_eq!(
            refused(
                MARK,
                &[ORIGIN, ("authorization", "Bearer 0123456789abcdeF")]
            ),
            401
        );
    }

    #[test]
    fn who_is_wrong_too_often_is_not_listened_to_even_if_right() {
        let folder = tempfile::tempdir().unwrap();
        let desk = marking(folder.path());
        let wrong = ("authorization", "Bearer wrong");
        let mut answers = (0..8).map(|_| post(&desk, MARK, &[ORIGIN, wrong]).unwrap());
        let statuses: Vec<u16> = answers.by_ref().map(|one| one.status().as_u16()).collect();
        assert_eq!(statuses[..5], [401; 5]);
        assert_eq!(statuses[5..], [429; 3]);
        let refused = post(&desk, MARK, &[ORIGIN, RIGHT]).unwrap();
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
        // Somebody else may.
        let fields = [HERE, ORIGIN, RIGHT];
        let other = IpAddr::V4(Ipv4Addr::new(192, 168, 10, 7));
        let answered = answer(&head("POST", MARK, &fields), other, &desk);
        assert!(matches!(answered, Answered::Later(_)), "{answered:?}");
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
            assert_eq!(status(method, MARK, &[HERE, ORIGIN, RIGHT]), 405);
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
