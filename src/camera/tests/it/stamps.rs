//! Stamps, by which pictures are paired and known to be late, come out as they went in.

use std::time::{Duration, Instant};

use twinspect_camera::librealsense::software::{Moment, SoftwareCamera, Workshop};
use twinspect_camera::librealsense::{
    Context, Device, Frame, FrameQueue, PlaybackStatus, Profile, StreamKind, Streaming,
};
use twinspect_core::pairing::{SensorClock, Stream};

use crate::recordings::record_as;
use crate::rig::{
    DEVICE_CLOCK, HOST_CLOCK, INTERVAL_US, SURELY, begin, colour_of, depth_of, software_spec,
};

/// Depth by the camera's clock, colour by the host's, which counts from 1970.
fn stamp(stream: Stream, number: u64) -> (u64, SensorClock) {
    let later_us = number * INTERVAL_US;
    match stream {
        Stream::Depth => (1_000_000 + later_us, DEVICE_CLOCK),
        Stream::Colour => (1_790_000_000_123_457 + later_us, HOST_CLOCK),
    }
}

fn show(camera: &SoftwareCamera, number: u64) {
    let moment = |stream| {
        let (time_us, clock) = stamp(stream, number);
        Moment {
            number,
            time_us,
            clock,
        }
    };
    let depth = depth_of(number);
    camera.depth(&depth, moment(Stream::Depth)).unwrap();
    let colour = colour_of(number);
    camera.colour(&colour, moment(Stream::Colour)).unwrap();
}

fn start(device: &Device, queue: &FrameQueue) -> Vec<Streaming> {
    let sensors = device.sensors().unwrap().into_iter();
    let streams = sensors.map(|sensor| {
        let profiles = sensor.profiles().unwrap();
        let profiles: Vec<&Profile> = profiles.iter().collect();
        sensor.start(&profiles, queue).unwrap()
    });
    streams.collect()
}

/// Holds a picture's stamp against what was shown under its number.
fn check(frame: &Frame) {
    let stream = match frame.facts().unwrap().kind {
        StreamKind::Depth => Stream::Depth,
        StreamKind::Colour => Stream::Colour,
        StreamKind::Other(other) => panic!("nobody showed a stream {other}"),
    };
    let number = frame.number().unwrap();
    assert_eq!(frame.time_us().unwrap(), stamp(stream, number), "{number}");
}

#[test]
fn stamps_of_a_camera_come_out_as_they_went_in() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let workshop = Workshop::open(library).unwrap();
    let camera = workshop.camera(&software_spec("stamps")).unwrap();
    let queue = FrameQueue::new(library, 8).unwrap();
    let streams = start(&camera.device().unwrap(), &queue);
    for number in 1..=10 {
        show(&camera, number);
        for _ in 0..2 {
            check(&queue.wait(SURELY).unwrap().unwrap());
        }
    }
    drop(streams);
}

#[test]
fn stamps_of_a_recording_come_out_as_they_went_in() {
    const PAIRS: u64 = 10;
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record_as(library, folder.path(), PAIRS, show);
    let context = Context::open(library).unwrap();
    let device = context.play(&file).unwrap();
    let playback = device.playback().unwrap();
    playback.set_real_time(false).unwrap();
    playback.pause().unwrap();
    // All of it has room.
    let queue = FrameQueue::new(library, 64).unwrap();
    let streams = start(&device, &queue);
    let mut seen = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| playback.resume().unwrap());
        let began = Instant::now();
        loop {
            match queue.wait(Duration::from_millis(100)).unwrap() {
                Some(frame) => {
                    check(&frame);
                    seen += 1;
                }
                None if seen > 0 && playback.status() == Ok(PlaybackStatus::Stopped) => break,
                None => assert!(began.elapsed() < SURELY, "{seen}"),
            }
        }
    });
    // One release was seen to lose the first pair.
    assert!(seen + 2 >= 2 * PAIRS, "{seen}");
    // Its reader may still be about to do something: see the camera's own way of ending one.
    drop(playback.pause());
    drop(streams);
    for _ in 0..2 {
        drop(playback.pause());
    }
}
