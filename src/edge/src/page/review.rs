//! What a request gets that wants to mark a part: `POST /api/records/RECORD/MARK`, without a body.
//!
//! Three things have to be right, in this order. *From where*: the browser says that the page which asks is this
//! one; a page of elsewhere can't say so, and can't send the token either, since that takes leave that is never given.
//! *How often*: who was wrong about the token too often is not listened to. *The token*.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{
    AUTHORIZATION, AsHeaderName, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use tokio::sync::oneshot;
use tokio::time::timeout;
use twinspect_store::records::{Mark, RecordId};

use super::answer::{Answer, Answered, plain};
use super::guard::Guard;
use super::marks::{Marked, Marking, Marks, MarksSpec};
use super::token::Token;

/// What marks have for addresses.
pub(super) const PREFIX: &str = "/api/records/";
/// Longest wait for the disk.
const MARK_MAX: Duration = Duration::from_secs(5);
const NO_WISH: &str = "A part is marked at /api/records/RECORD/MARK.\n";
const NO_NAME: &str = "That is no record's name: record-00000042-fail is one.\n";
const NO_MARK: &str =
    "There is no such mark. There are false-reject, true-reject, escape and unsure.\n";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who may mark what.
#[derive(Debug)]
pub(super) struct Reviews {
    token: Token,
    guard: Mutex<Guard>,
    marks: Marks,
}

/// A mark that is being written.
#[derive(Debug)]
pub(super) struct Pending {
    answered: oneshot::Receiver<Marking>,
}

impl Pending {
    /// Waits for the disk, as long as a browser is made to wait.
    pub(super) async fn answer(self) -> Answer {
        match timeout(MARK_MAX, self.answered).await {
            Ok(Ok(marking)) => told(marking),
            Ok(Err(_)) => told(Marking::Failed),
            Err(_) => told(Marking::Busy),
        }
    }
}

impl Reviews {
    pub(super) fn start(spec: &MarksSpec) -> Self {
        Self {
            token: spec.token,
            guard: Mutex::default(),
            marks: Marks::start(spec),
        }
    }

    /// The records of the last parts.
    pub(super) fn known(&self) -> Arc<Vec<Marked>> {
        self.marks.known()
    }

    /// Has a mark written, if it may be. `rest` is what the address has behind [`PREFIX`].
    pub(super) fn post(&self, head: &Parts, rest: &str, peer: IpAddr, now_us: u64) -> Answered {
        if !is_of_this_page(head) {
            let text = "Parts are marked on this page alone, and not from elsewhere.\n";
            return Answered::Now(plain(StatusCode::FORBIDDEN, text));
        }
        if let Some(refused) = self.refuse(head, peer, now_us) {
            return Answered::Now(refused);
        }
        let (id, mark) = match wish(rest) {
            Ok(wish) => wish,
            Err(text) => return Answered::Now(plain(StatusCode::NOT_FOUND, text)),
        };
        let who = format!("page, {}", peer.to_canonical());
        match self.marks.mark(id, mark, who) {
            Ok(answered) => Answered::Later(Pending { answered }),
            Err(marking) => Answered::Now(told(marking)),
        }
    }

    /// What somebody gets who does not say the token.
    fn refuse(&self, head: &Parts, peer: IpAddr, now_us: u64) -> Option<Answer> {
        let said = only(head, AUTHORIZATION).and_then(|said| said.strip_prefix(b"Bearer "));
        let Some(said) = said else {
            return Some(unauthorised("Marking a part needs the page's token.\n"));
        };
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(wait_s) = guard.may_try(peer, now_us) {
            let text = "The token was wrong too often. Wait a minute.\n";
            let mut refused = plain(StatusCode::TOO_MANY_REQUESTS, text);
            let headers = refused.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
            return Some(refused);
        }
        if self.token.is(said) {
            return None;
        }
        guard.wrong(peer, now_us);
        log::warn!("somebody at {peer} has sent a wrong token to the page");
        Some(unauthorised("The token is wrong.\n"))
    }
}

fn unauthorised(text: &'static str) -> Answer {
    let mut refused = plain(StatusCode::UNAUTHORIZED, text);
    let bearer = HeaderValue::from_static("Bearer");
    refused.headers_mut().insert(WWW_AUTHENTICATE, bearer);
    refused
}

fn told(marking: Marking) -> Answer {
    let (status, text) = match marking {
        Marking::Done => (StatusCode::OK, "Marked.\n"),
        Marking::Unknown => (
            StatusCode::NOT_FOUND,
            "There is no such record any more: it has made room for newer ones.\n",
        ),
        Marking::Unfit => (
            StatusCode::CONFLICT,
            "That can't be said of this part: rejected ones are false or true rejects, passed ones escapes.\n",
        ),
        Marking::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The mark could not be written; the station's log says why.\n",
        ),
        Marking::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The disk is slow. Nobody knows whether the mark was written: look again.\n",
        ),
    };
    plain(status, text)
}

/// `RECORD/MARK`, or what is wrong with it.
fn wish(rest: &str) -> Result<(RecordId, Mark), &'static str> {
    let (id, mark) = rest.split_once('/').ok_or(NO_WISH)?;
    let id = id.parse::<RecordId>().map_err(|_no_name| NO_NAME)?;
    let mark = mark.parse::<Mark>().map_err(|_no_mark| NO_MARK)?;
    Ok((id, mark))
}

/// A field that is said once.
fn only(head: &Parts, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut said = head.headers.get_all(name).iter();
    match (said.next(), said.next()) {
        (Some(only), None) => Some(only.as_bytes()),
        _ => None,
    }
}

/// Whether a browser says that the page which asks came from where it asks. That the name is one of this machine's was
/// looked at before.
fn is_of_this_page(head: &Parts) -> bool {
    let origin = only(head, ORIGIN);
    let place = origin.and_then(|origin| {
        let secure = origin.strip_prefix(b"https://");
        origin.strip_prefix(b"http://").or(secure)
    });
    let is_same = match (place, only(head, HOST)) {
        (Some(place), Some(host)) => place.eq_ignore_ascii_case(host),
        _ => false,
    };
    let mut sites = head.headers.get_all(FETCH_SITE).iter();
    is_same && sites.all(|site| site == "same-origin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_slips_is_told_what_there_is() {
        let record = "record-00000042-fail";
        for mark in Mark::ALL {
            assert!(NO_MARK.contains(&mark.to_string()), "{mark}");
            for spelt in [mark.to_string(), mark.name().to_owned()] {
                let (id, found) = wish(&format!("{record}/{spelt}")).unwrap();
                assert_eq!((id.to_string().as_str(), found), (record, mark));
            }
        }
        for (rest, why) in [
            ("", NO_WISH),
            (record, NO_WISH),
            ("record-1-fail/unsure", NO_NAME),
            ("../unsure", NO_NAME),
            ("record-00000042-fail/nonsense", NO_MARK),
            ("record-00000042-fail/", NO_MARK),
            ("record-00000042-fail/unsure/", NO_MARK),
        ] {
            assert_eq!(wish(rest), Err(why), "{rest}");
        }
    }
}
