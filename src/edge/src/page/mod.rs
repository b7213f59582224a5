//! The page on the line's screen, the figures for a monitoring system, and what a broker is told.
//!
//! A third process of the same program (`page-process`), started by the line process and started again with
//! growing waits. It owns nothing: of the station it asks over the control socket like everybody else, pictures
//! it reads from a folder. A browser can fill its memory, its connections and its time, and those alone.
//!
//! In data-flow order: [`keeper`] starts it, [`mod@setup`] is what it is told, [`limits`] is what it may use;
//! [`poll`] asks the station, [`view`] makes of that what a browser shows; [`server`] takes connections,
//! [`host`] and [`answer`] say what they get. [`album`] is the folder of pictures.
//!
//! Where the station has a [`mod@token`], people mark parts here: [`review`] asks [`guard`] and token, and [`marks`] writes
//! beside the records.

mod album;
mod answer;
mod guard;
mod host;
mod keeper;
mod limits;
mod marks;
mod poll;
mod review;
mod server;
mod setup;
mod token;
mod view;

pub(crate) use album::{Album, Shown};
pub(crate) use keeper::{Keeper, Sign};
pub(crate) use setup::{setup, token};

use std::io::{self, BufReader, Write};
use std::sync::Arc;

use crate::error::EdgeError;
use crate::mqtt::Outlet;
use poll::Watch;
use setup::PageSetup;

/// Shows the page until standard input ends: that is the end of the line process, or its wish.
pub(crate) fn page_process() -> Result<(), EdgeError> {
    limits::obey().map_err(system("limiting this process"))?;
    let mut input = BufReader::new(io::stdin());
    let setup =
        PageSetup::read(&mut input).map_err(system("reading what the line process says"))?;
    std::thread::spawn(move || setup::end_with(input));
    let watch = Arc::new(Watch::new(&setup));
    let asking = Arc::clone(&watch);
    let textfile = setup.textfile.clone();
    let outlet = setup.mqtt.as_ref();
    let outlet = outlet.map(|spec| Outlet::start(&setup.name, spec));
    std::thread::spawn(move || asking.run(textfile.as_deref(), outlet));
    let Some(listen) = setup.listen else {
        // Figures for the textfile collector, or a broker, alone.
        loop {
            std::thread::park();
        }
    };
    let said = |url: &str| {
        let mut out = io::stdout();
        writeln!(out, "{url}").and_then(|()| out.flush())
    };
    server::serve(listen, &setup, watch, said)
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> EdgeError {
    move |source| EdgeError::System { doing, source }
}
