//! The page in a browser, with the demo's jar lids: what is shown, on the line's screen and on a phone, by day
//! and by night; that it loads nothing from elsewhere; and that it never shows a station that is not there.
//!
//! With `TWINSPECT_SCREENSHOTS` naming a folder, what was seen is kept there. The pictures of the handbook are made
//! like this.

use std::path::Path;

use super::chromium::{Browser, Screen};
use super::marks::{TOKEN, marks, with_token};
use super::{address, with_page};
use crate::product::Site;
use crate::service::Service;
use crate::station::{inspect_process, signal};
use crate::workspace::root;

const LINE: Screen = Screen {
    width: 1024,
    height: 600,
    scheme: "light",
};
const NIGHT: Screen = Screen {
    scheme: "dark",
    ..LINE
};
const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    scheme: "light",
};

/// A station that inspects the demo's jar lids for ever, slowly enough for any machine.
pub(super) fn jar_lids() -> Site {
    let site = Site::new();
    let models = root().join("models");
    for (file, name) in [("cap.twb", "cap.twb"), ("demo/cap", "jar-lids")] {
        std::os::unix::fs::symlink(models.join(file), site.path(name)).expect("a link");
    }
    let station = "[bundle]\nfile = \"cap.twb\"\n\
                   [camera]\nkind = \"replay\"\nfolder = \"jar-lids\"\nrepeat = true\n\
                   [trigger]\nrate_hz = 1.0\n\
                   [gate]\ndelay_ms = 8000\ndeadline_ms = 7900\n\
                   [ready]\nlate_max = 1000\n\
                   [inspector]\nrestart_wait_ms = 4000\n\
                   [page]\nenabled = false\n";
    site.write("station.toml", station);
    site
}

fn keep(name: &str, picture: &[u8]) {
    if let Some(folder) = std::env::var_os("TWINSPECT_SCREENSHOTS") {
        std::fs::write(Path::new(&folder).join(name), picture).expect("the picture is kept");
    }
}

/// That something is drawn, by day on light paper and by night on dark.
fn look(browser: &mut Browser, screen: Screen, name: &str) {
    browser.screen(screen);
    // The chart is drawn for the new width with the next answer.
    browser.wait_for(&format!(
        "document.getElementById('scores').dataset.key.startsWith(`${{document.getElementById('scores').clientWidth}} `) \
         && window.innerWidth === {}",
        screen.width
    ));
    let overflow = browser.value("document.documentElement.scrollWidth - window.innerWidth");
    assert_eq!(
        overflow, 0,
        "the page is wider than a screen of {}",
        screen.width
    );
    let picture = browser.picture();
    keep(name, &picture);
    let drawn = image::load_from_memory(&picture).expect("a PNG").to_luma8();
    assert_eq!(
        (drawn.width(), drawn.height()),
        (screen.width, screen.height)
    );
    let paper = drawn.get_pixel(3, screen.height - 3).0[0];
    assert_eq!(paper < 60, screen.scheme == "dark", "paper of {paper}");
    let used = drawn
        .pixels()
        .filter(|pixel| pixel.0[0].abs_diff(paper) > 40)
        .count();
    assert!(used > drawn.pixels().len() / 20, "{used} pixels are drawn");
}

/// Colour and word of a state, which belong together.
fn is_shown(kind: &str, word: &str) -> String {
    format!(
        "document.body.dataset.kind === '{kind}' && document.getElementById('word').textContent === '{word}'"
    )
}

#[test]
fn a_browser_shows_what_is_true_and_never_a_station_that_is_not_there() {
    let Some(chromium) = std::env::var_os("TWINSPECT_CHROMIUM") else {
        println!("skipped: TWINSPECT_CHROMIUM names no Chromium");
        return;
    };
    let mut service = Service::start(with_page(jar_lids()));
    let address = address(&service);
    let mut browser = Browser::start(&chromium);
    browser.screen(LINE);
    browser.open(&format!("http://{address}/"));
    browser.wait_for(&is_shown("running", "Running"));
    browser.wait_for("document.querySelectorAll('#rejects img').length > 3");
    browser.wait_for("document.querySelectorAll('#scores .pass').length > 8");
    browser.wait_for("document.querySelector('#last img')?.naturalWidth > 500");
    look(&mut browser, LINE, "page-light.png");
    look(&mut browser, NIGHT, "page-dark.png");
    look(&mut browser, PHONE, "page-phone.png");

    // A finger on a reject shows it larger, and another one closes it.
    browser.value("document.querySelector('#rejects img').closest('button').click()");
    browser.wait_for("document.querySelector('dialog').open && document.getElementById('closer-picture').naturalWidth > 500");
    browser.value("document.querySelector('dialog button').click()");
    assert_eq!(
        browser.value("document.querySelector('dialog').open"),
        false
    );

    assert_eq!(browser.complaints(), Vec::<String>::new());
    let here = format!("http://{address}/");
    let asked = browser.asked();
    assert!(asked.len() > 5, "{asked:?}");
    assert!(asked.iter().all(|url| url.starts_with(&here)), "{asked:?}");
    // Its policy would stop what leads elsewhere, and say so.
    browser.value(
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))",
    );
    browser.value("new Promise((done) => setTimeout(done))");
    assert!(
        !browser.complaints().is_empty(),
        "what a page loads would be noticed"
    );

    // Without a reload: the station can't judge any more, and then it can.
    signal(inspect_process(service.process.id()), "KILL");
    browser.wait_for(&is_shown("not_ready", "Not ready"));
    look(&mut browser, NIGHT, "page-not-ready.png");
    browser.wait_for(&is_shown("running", "Running"));

    // The station dies, and the page does not go on being green.
    signal(service.process.id(), "KILL");
    service.process.wait().expect("its end");
    browser.wait_for(&is_shown("lost", "No connection"));
    let colours = "getComputedStyle(document.querySelector('main')).filter";
    assert_eq!(browser.value(colours), "grayscale(1)");
    for age in ["#last .ago", "#clock"] {
        let shown = format!("getComputedStyle(document.querySelector('{age}')).visibility");
        assert_eq!(browser.value(&shown), "hidden", "{age}");
    }
    look(&mut browser, LINE, "page-lost.png");

    // It is started again, and the page that was open all the time finds it.
    let listen = format!("listen = \"{address}\"");
    service
        .site
        .edit("station.toml", "listen = \"127.0.0.1:0\"", &listen);
    let service = service.start_again();
    browser.wait_for(&is_shown("running", "Running"));
    browser.wait_for("document.querySelectorAll('#rejects img').length > 0");
    service.stop();
}

/// A touch on a mark of the part that is shown larger.
fn choose(browser: &mut Browser, mark: &str) {
    browser.value(&format!(
        "document.querySelector('#choices [data-mark=\"{mark}\"]').click()"
    ));
}

/// Types a token and sends it.
fn give(browser: &mut Browser, token: &str) {
    browser.wait_for("!document.getElementById('token-form').hidden");
    browser.value(&format!(
        "document.getElementById('token').value = '{token}'; \
         document.querySelector('#token-form button').click()"
    ));
}

#[test]
fn a_reject_is_marked_with_the_token_which_is_asked_for_once() {
    let Some(chromium) = std::env::var_os("TWINSPECT_CHROMIUM") else {
        println!("skipped: TWINSPECT_CHROMIUM names no Chromium");
        return;
    };
    let service = Service::start(with_token(jar_lids(), 0o600));
    let address = address(&service);
    let mut browser = Browser::start(&chromium);
    browser.screen(LINE);
    let page = format!("http://{address}/");
    browser.open(&page);
    browser.wait_for(&is_shown("running", "Running"));
    browser.wait_for("document.querySelectorAll('#rejects img').length > 2");
    let said = "document.getElementById('marks-said').textContent";
    let open = "document.querySelector('#rejects img').closest('button').click()";
    browser.value(open);
    browser.wait_for("document.querySelectorAll('#choices button').length === 3");
    browser.wait_for("document.getElementById('closer-picture').naturalWidth > 500");
    look(&mut browser, LINE, "page-mark-light.png");
    choose(&mut browser, "false_reject");
    give(&mut browser, "0000000000000000");
    browser.wait_for(&format!("{said} === 'The token is wrong.'"));
    browser.wait_for("!document.getElementById('token-form').hidden");
    look(&mut browser, LINE, "page-mark-token-light.png");
    look(&mut browser, NIGHT, "page-mark-token-dark.png");
    look(&mut browser, PHONE, "page-mark-token-phone.png");
    browser.screen(LINE);
    give(&mut browser, TOKEN);
    browser.wait_for(&format!("{said} === 'Marked.'"));
    let pressed = "document.querySelector('#choices [aria-pressed=true]').dataset.mark";
    assert_eq!(browser.value(pressed), "false_reject");
    // It is asked for once: another mark takes the first one's place.
    choose(&mut browser, "true_reject");
    browser.wait_for(&format!(
        "{said} === 'Marked.' && {pressed} === 'true_reject'"
    ));
    assert_eq!(
        browser.value("document.getElementById('token-form').hidden"),
        true
    );
    look(&mut browser, NIGHT, "page-mark-dark.png");
    look(&mut browser, PHONE, "page-mark-phone.png");
    let told = marks(&service.site.path(""));
    let of = |mark: &str| told.iter().filter(|(_, told)| told == mark).count();
    assert_eq!((of("true-reject"), of("false-reject")), (1, 0), "{told:?}");

    // The mark is the station's, not the browser's, and the token is none of any address.
    browser.screen(LINE);
    browser.open(&page);
    browser
        .wait_for("document.querySelector('#rejects .mark-said')?.textContent === 'true reject'");
    browser.value("document.querySelector('#rejects .mark-said').closest('button').click()");
    browser.wait_for(&format!(
        "document.querySelector('dialog').open && {pressed} === 'true_reject'"
    ));
    let asked = browser.asked();
    assert!(asked.iter().any(|url| url.contains("/api/records/record-")));
    assert!(!asked.iter().any(|url| url.contains(TOKEN)), "{asked:?}");
    // A passed part that has a record can be an escape.
    browser.value("document.querySelector('dialog button').click()");
    browser.wait_for("document.querySelector('#last figcaption.p .mark-it') !== null");
    look(&mut browser, LINE, "page-marked-light.png");
    // The last part may be another one by now.
    browser.wait_for(
        "(() => { const it = document.querySelector('#last figcaption.p .mark-it'); it?.click(); return Boolean(it); })()",
    );
    browser.wait_for("document.querySelectorAll('#choices button').length === 2");
    choose(&mut browser, "escape");
    browser.wait_for(&format!("{said} === 'Marked.'"));
    let told = marks(&service.site.path(""));
    assert!(told.iter().any(|(_, mark)| mark == "escape"), "{told:?}");
    // The browser itself tells of the answer to the wrong token, and of pictures that were gone when it came for them: parts go
    // on, and a busy machine's browser is late. The page says "no picture" then.
    let is_expected =
        |one: &String| one.contains("401") || one.contains("404") && one.contains("/pictures/");
    let complaints = browser.complaints();
    assert!(complaints.iter().all(is_expected), "{complaints:?}");
    let refused = complaints.iter().filter(|one| one.contains("401"));
    assert_eq!(refused.count(), 1, "{complaints:?}");
    service.stop();
}
