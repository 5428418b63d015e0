//! Every image that a crash may leave on the disk, by the thousand: what was acknowledged is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use agent_os_log::{Durability, Log, LogError, Options, Reservation, verify};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::sim_disk::{Fault, SimDisk};
use support::{assert_whole, entries, entry, field, intent, note, outcome, quiet, scratch};

/// What a writer did, as far as its caller was told.
#[derive(Default)]
struct Told {
    /// All entries that were appended, in order.
    appended: Vec<Vec<u8>>,
    /// How many of them were acknowledged.
    acknowledged: usize,
    /// Payloads that an acknowledged entry refers to.
    payloads: Vec<(String, Vec<u8>)>,
}

/// A writer that does one thing after another, drawn at random.
struct Writer {
    log: Log,
    open: Vec<Reservation>,
    waiting: Vec<(String, Vec<u8>)>,
    told: Told,
}

impl Writer {
    fn new(disk: &SimDisk, durability: Durability, segment_bytes: u64) -> Result<Self, LogError> {
        let log = Log::open_on(Arc::new(disk.clone()), Options { durability, segment_bytes, ..quiet() })?;
        let told = Told { appended: entries(&log), ..Told::default() };
        let mut writer = Self { log, open: Vec::new(), waiting: Vec::new(), told };
        writer.acknowledge();
        Ok(writer)
    }

    /// Everything up to here is acknowledged.
    fn acknowledge(&mut self) {
        self.told.acknowledged = usize::try_from(self.log.size()).unwrap();
        self.told.payloads.append(&mut self.waiting);
    }

    fn step(&mut self, random: &mut TestRng) -> Result<(), LogError> {
        let before = self.told.appended.len();
        let done = self.one_thing(random);
        // What another would read now; a failed append may have left nothing or all of its entry.
        if let Ok(more) = self.log.read_from(before as u64) {
            self.told.appended.extend(more.map_while(Result::ok).map(|(_, entry)| entry));
        }
        done
    }

    fn one_thing(&mut self, random: &mut TestRng) -> Result<(), LogError> {
        let size = random.next_u32() as usize % 300;
        match random.next_u32() % 14 {
            0 => note(&self.log, &"n".repeat(size)).map(drop)?,
            1 => self.open.push(intent(&self.log)?),
            2 => match self.open.pop() {
                Some(reservation) => outcome(&self.log, reservation, size).map(drop)?,
                None => return Ok(()),
            },
            3..=10 => {
                let mut build = |stamp: &agent_os_log::Stamp<'_>, out: &mut Vec<u8>| {
                    out.extend(entry(stamp, "note", &[("text", "a".repeat(size).as_str().into())]));
                };
                self.log.append_ahead(&mut build)?;
                return Ok(());
            }
            11 => {
                let bytes = vec![u8::try_from(size % 251).unwrap(); size + 1];
                let reference = self.log.put_payload(&bytes)?;
                let mut text = Vec::new();
                reference.write(&mut text);
                let text = String::from_utf8(text).unwrap();
                let sha256 = text.split('"').find(|part| part.len() == 64).unwrap().to_owned();
                let mut build = |stamp: &agent_os_log::Stamp<'_>, out: &mut Vec<u8>| {
                    let whole = entry(stamp, "note", &[("document", "@".into())]);
                    out.extend(String::from_utf8(whole).unwrap().replace("\"@\"", &text).bytes());
                };
                self.waiting.push((sha256, bytes));
                self.log.append(&mut build)?;
            }
            12 => self.log.settle(self.log.size())?,
            _ => self.log.flush()?,
        }
        self.acknowledge();
        Ok(())
    }
}

/// Opens what a crash left and holds it against what was told. Gives whether something was set aside.
fn check(image: &SimDisk, told: &Told, whole: bool) -> bool {
    let log = Log::open_on(Arc::new(image.clone()), quiet()).unwrap_or_else(|error| panic!("{error}"));
    let found = entries(&log);
    let kept = found.len() - 1;
    assert!(kept >= told.acknowledged, "{kept} of {} acknowledged entries are left", told.acknowledged);
    assert_eq!(found[..kept], told.appended[..kept]);
    for (sha256, bytes) in &told.payloads {
        assert_eq!(&log.payload(sha256).unwrap(), bytes);
    }
    note(&log, "the log goes on").unwrap();
    let last = &found[kept];
    let set_aside = field(last, "dropped_sha256").as_text().is_some();
    log.close().unwrap();
    if whole || set_aside {
        let folder = scratch();
        image.export(folder.path());
        assert_whole(&verify(folder.path()));
    }
    set_aside
}

#[test]
fn after_any_loss_of_power_what_commit_acknowledged_is_there_and_the_log_goes_on() {
    let (mut images, mut set_aside) = (0_u32, 0_u32);
    for seed in 0..60_u8 {
        let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let segment_bytes = [600, 2_000, 1 << 20][usize::from(seed) % 3];
        let disk = SimDisk::new();
        let mut writer = Writer::new(&disk, Durability::Commit, segment_bytes).unwrap();
        for _ in 0..20 {
            writer.step(&mut random).unwrap();
            for _ in 0..9 {
                let image = disk.after_power_loss_by_sector(&mut |count| random.next_u32() as usize % count);
                images += 1;
                set_aside += u32::from(check(&image, &writer.told, images % 16 == 0));
            }
        }
    }
    assert!(images >= 10_000, "{images}");
    assert!(set_aside > 50, "the images were too tame: {set_aside}");
}

#[test]
fn after_any_end_of_the_process_what_was_acknowledged_is_there() {
    let mut images = 0_u32;
    for seed in 0..40_u8 {
        for (step, fault) in (0..60).flat_map(|at| [0, 1, 9, 40].map(|torn| (at, Fault::Torn(torn)))) {
            let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
            let segment_bytes = [600, 2_000, 1 << 20][usize::from(seed) % 3];
            let durability = [Durability::Written, Durability::Commit][usize::from(seed) % 2];
            let disk = SimDisk::new();
            let mut writer = Writer::new(&disk, durability, segment_bytes).unwrap();
            disk.fail_at(disk.operations() + step, fault);
            while writer.step(&mut random).is_ok() {}
            images += 1;
            // The entry that failed may be there whole.
            let (image, told) = (disk.after_crash(), &mut writer.told);
            let reader = agent_os_log::Reader::open_on(Arc::new(image.clone())).unwrap();
            let more = reader.read_from(told.appended.len() as u64).unwrap();
            told.appended.extend(more.map_while(Result::ok).map(|(_, entry)| entry));
            assert!(told.appended.len() <= told.acknowledged + 60);
            check(&image, told, images % 16 == 0);
        }
    }
    assert!(images >= 5_000, "{images}");
}
