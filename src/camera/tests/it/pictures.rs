//! Pictures come out as they went in: every pixel, number and time.

use std::time::Duration;

use twinspect_camera::librealsense::software::{SoftwareSpec, Workshop};
use twinspect_camera::librealsense::{FrameQueue, Profile};
use twinspect_camera::{Camera, CameraFrame};
use twinspect_core::align::{Aligner, DepthToColour};
use twinspect_core::frame::{DepthFrame, StampDomain};

use crate::rig::{
    Rig, SIZE, UNIT_M, begin, colour_of, depth_of, intrinsics, moment, number_of, show_pair,
    software_spec, spec, wait_for_all_pictures,
};

/// Holds every pixel against what was shown under the picture's number.
fn assert_whole(frame: &CameraFrame) {
    let number = number_of(frame);
    let rgb = frame.pair.rgb().unwrap();
    assert_eq!(rgb.data(), colour_of(number));
    let Some(DepthFrame::Counts(depth)) = frame.pair.depth() else {
        panic!("no depth counts");
    };
    assert_eq!(depth.data(), depth_of(number));
    assert_eq!(depth.unit_m(), UNIT_M);
    let [rgb, depth] = [frame.pair.rgb_stamp, frame.pair.depth_stamp].map(Option::unwrap);
    assert_eq!(rgb.frame_number, depth.frame_number);
    assert_eq!(
        (rgb.domain, depth.domain),
        (StampDomain::Host, StampDomain::Host)
    );
}

#[test]
fn every_pixel_comes_out_as_it_went_in_and_the_newest_wins() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut rig = Rig::open(library, spec(), show_pair).unwrap();
    let mut last = 0;
    for _ in 0..100 {
        let asked = rig.showing.shown();
        let frame = rig.capture().unwrap();
        assert_whole(&frame);
        let number = number_of(&frame);
        assert!(number > last, "{number} after {last}");
        assert!(
            number >= asked,
            "picture {number} was shown before the part came, at {asked}"
        );
        last = number;
        // Taken when it was asked for or after, by the caller's clock, which says 7 s.
        let stamp = frame.pair.depth_stamp.unwrap();
        assert!((7_000_000..7_000_000 + 30_000_000).contains(&stamp.time_us));
    }
    let counts = rig.camera.watch().counts();
    assert!(counts.pairing.pairs >= 100);
    assert_eq!(counts.corrupt + counts.late + counts.frozen, 0);
    drop(rig);
    wait_for_all_pictures();
}

/// A picture shows what lay there when its exposure began, which is long before it comes.
#[test]
fn a_picture_that_may_show_the_part_before_is_not_taken() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.transfer_max = Duration::from_millis(60);
    let mut rig = Rig::open(library, spec, show_pair).unwrap();
    for _ in 0..5 {
        let began = std::time::Instant::now();
        let frame = rig.capture().unwrap();
        // What comes within 60 ms was exposed before, as far as anybody knows.
        assert!(began.elapsed() >= Duration::from_millis(60));
        assert!(frame.pair.depth_stamp.unwrap().time_us >= 7_000_000);
    }
}

/// Whoever watches the belt wants each picture, not one that was taken after it asked.
#[test]
fn each_picture_may_be_asked_for() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.every_picture = true;
    // By this a part would wait for ever.
    spec.transfer_max = Duration::from_secs(3600);
    let mut rig = Rig::open(library, spec, show_pair).unwrap();
    let mut last = 0;
    for _ in 0..20 {
        let frame = rig.capture().unwrap();
        assert_whole(&frame);
        assert!(number_of(&frame) > last);
        last = number_of(&frame);
        assert!(frame.pair.depth_stamp.unwrap().time_us < 7_000_000);
    }
}

#[test]
fn both_streams_of_one_sensor_are_paired_too() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let software = SoftwareSpec {
        one_sensor: true,
        ..software_spec("d405")
    };
    let mut rig = Rig::open_as(library, &software, spec(), show_pair).unwrap();
    assert_whole(&rig.capture().unwrap());
    assert_eq!(rig.camera.intrinsics().unwrap().size(), SIZE);
}

/// Our alignment against the library's, on a tilted plane with holes, 15 mm aside.
#[test]
fn depth_lies_on_colour_as_the_library_lays_it() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let software = SoftwareSpec {
        translation_m: [0.015, -0.004, 0.0],
        ..software_spec("align")
    };
    let workshop = Workshop::open(library).unwrap();
    let camera = workshop.camera(&software).unwrap();
    let queue = FrameQueue::new(library, 8).unwrap();
    let device = camera.device().unwrap();
    let mut streams = Vec::new();
    for sensor in device.sensors().unwrap() {
        let profiles = sensor.profiles().unwrap();
        let profiles: Vec<&Profile> = profiles.iter().collect();
        streams.push(sensor.start(&profiles, &queue).unwrap());
    }
    let counts: Vec<u16> = (0..SIZE.pixels())
        .map(|at| {
            let (column, row) = (at % SIZE.width, at / SIZE.width);
            let is_hole = (column / 5 + row / 7) % 6 == 0;
            if is_hole { 0 } else { (400 + column) as u16 }
        })
        .collect();
    let mut frames = Vec::new();
    // The library's own matcher wants to see a rate before it pairs.
    for number in 1..4 {
        camera.depth(&counts, moment(number)).unwrap();
        camera.colour(&colour_of(number), moment(number)).unwrap();
    }
    while let Some(frame) = queue.wait(Duration::from_millis(200)).unwrap() {
        frames.push(frame);
    }
    let found = workshop.align(frames, Duration::from_millis(500)).unwrap();
    let Some(frame) = found else {
        // Its own matcher, which its alignment needs, pairs nothing that a software device shows.
        let version = library.version().to_string();
        assert!(version.starts_with("2.54."), "{version} aligns nothing");
        return;
    };
    let theirs: Vec<u16> = frame
        .rows(SIZE, 2)
        .unwrap()
        .flat_map(|row| row.chunks_exact(2))
        .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
        .collect();
    let place = DepthToColour {
        translation_mm: [15.0, -4.0, 0.0],
        ..DepthToColour::SAME
    };
    let aligner = Aligner::new(&intrinsics(SIZE), &intrinsics(SIZE), &place).unwrap();
    let mut ours = vec![0; SIZE.pixels()];
    aligner.align(&counts, UNIT_M, &mut ours).unwrap();
    // The library lets each patch touch the pixel behind its edge, so it covers a little more and may show a
    // neighbour's depth, a count nearer on this plane. Where we have a depth it has one, and no other.
    let mut measured = 0;
    for (at, (&our, &their)) in ours.iter().zip(&theirs).enumerate() {
        if our > 0 {
            measured += 1;
            let apart = our.abs_diff(their);
            assert!(
                apart <= 1,
                "pixel {} {}: ours {our}, the library's {their}",
                at % SIZE.width,
                at / SIZE.width
            );
        }
    }
    let shown = counts.iter().filter(|&&count| count > 0).count();
    assert!(measured * 10 >= shown * 9, "{measured} of {shown}");
    drop(frame);
    drop(streams);
}

#[test]
fn pictures_of_two_cameras_are_not_mixed() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut one = Rig::open_as(library, &software_spec("one"), spec(), show_pair).unwrap();
    let two = Rig::open_as(library, &software_spec("two"), spec(), |camera, number| {
        show_pair(camera, number + 10_000);
    });
    let mut two = two.unwrap();
    for _ in 0..10 {
        assert!(number_of(&one.capture().unwrap()) < 10_000);
        assert!(number_of(&two.capture().unwrap()) > 10_000);
    }
}
