//! Containers, clusters and other machines: what runs there runs among other files.

use super::super::call::Call;
use super::super::launch::Start;
use super::super::word::Word;
use super::{LEAD, Lead, Program, Runs, Writes, row};

const AWAY: Lead = Lead { skip: "w", needed: true, away: true, ..LEAD };
const UNKNOWN: Writes = Writes::Unknown;

pub(super) const ROWS: &[Program] = &[
    row(
        "docker, podman, nerdctl, docker container, podman container, docker compose, podman compose, docker-compose, podman-compose, docker image, docker volume, docker network, docker system",
        "-c: -D -H: -l: -f: -p: --config: --context: --debug --host: --log-level: --tls --tlsverify --tlscacert: --tlscert: --tlskey: --file: --project-name: \
         --project-directory^ --profile: --env-file: --url: --root: --runtime* --remote -v. -h. --version. --help.",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row(
        "docker exec, podman exec, nerdctl exec, docker container exec, podman container exec, docker compose exec, podman compose exec, docker-compose exec",
        "-d -i -t -T -e: -u: -w: -l -h. --detach --interactive --tty --no-TTY --privileged --env: --env-file: --user: --workdir: --detach-keys: --index: --latest --help.",
        Runs::Command(AWAY),
        Writes::Nothing,
    ),
    row(
        "docker run, podman run, nerdctl run, docker container run, podman container run, docker create, podman create, docker compose run, podman compose run, docker-compose run",
        "-a: -c: -d -e: -h: -i -l: -m: -p: -P -q -t -T -u: -v: -w: --rm --init --privileged --read-only --detach --interactive --tty --publish-all --no-deps --service-ports --build --quiet-pull --no-healthcheck \
         --add-host: --cap-add: --cap-drop: --cgroupns: --cpus: --cpu-shares: --device: --dns: --entrypoint! --env: --env-file: --expose: --gpus: --group-add: --hostname: --ip: --ipc: --label: --link: --log-driver: --log-opt: \
         --memory: --mount: --name: --net: --network: --pid: --platform: --publish: --pull: --restart: --runtime* --security-opt: --shm-size: --stop-timeout: --tmpfs: --ulimit: --user: --userns: --volume: \
         --volumes-from: --workdir: --cidfile> --help.",
        Runs::Command(Lead { open: true, ..AWAY }),
        UNKNOWN,
    ),
    row(
        "kubectl, oc",
        "-n: -s: -v: --namespace: --context: --cluster: --kubeconfig* --user: --server: --as: --as-group: --token: --request-timeout: --insecure-skip-tls-verify= --certificate-authority: \
         --client-certificate: --client-key: -h. --help. --",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row(
        "kubectl exec, oc exec, oc rsh",
        "-c: -f: -i -t -q -n: --container: --stdin --tty --namespace: --context: --kubeconfig* --pod-running-timeout: --quiet",
        Runs::AfterDashes,
        UNKNOWN,
    ),
    row(
        "kubectl run, kubectl debug, kubectl edit, kubectl plugin, kubectl krew, oc run, oc debug, oc edit",
        "",
        Runs::Unclear,
        UNKNOWN,
    ),
    row(
        "lxc, incus, lxc-attach, vagrant, multipass, limactl, lima, colima, toolbox, distrobox, wsl, adb, ansible, ansible-playbook, ansible-console, salt, salt-ssh, pdsh, pssh, parallel-ssh, \
         clush, dsh, virsh, virt-install, crictl, ctr, runc, crun, nomad, buildah, singularity, apptainer, enroot, udocker",
        "--version. --help.",
        Runs::Unclear,
        UNKNOWN,
    ),
    row(
        "gcloud, aws, az, heroku, fly, flyctl, railway, doctl",
        "--version. --help.",
        Runs::By("what a subcommand runs elsewhere, which cannot be told", elsewhere),
        UNKNOWN,
    ),
    row(
        "ssh, autossh, dropbear, dbclient, slogin, rsh, remsh",
        "-4 -6 -A -a -C -f -g -G. -K -k -M -N. -n -q -s -T -t -V. -v -X -x -Y -y -B: -b: -c: -D: -E> -e: -F* -I* -i: -J: -L: -l: -m: -O: -o% -p: -P: -Q: -R: -S: -W: -w:",
        Runs::Script(AWAY),
        Writes::Nothing,
    ),
    row(
        "mosh, et, sshpass, rlogin, telnet, tn3270, cu, minicom, picocom, ftp, sftp, lftp, ncftp, smbclient, mail, mailx, mutt, neomutt, irssi, weechat",
        "-V. --version.",
        Runs::Unclear,
        UNKNOWN,
    ),
];

/// Subcommands of the services' own tools that run something there.
fn elsewhere(call: &Call<'_>) -> Vec<Start> {
    const PARTS: &[&str] = &["exec", "run", "ssh", "shell", "console", "session", "command", "invoke"];
    let is_told = |word: &Word| word.known().is_some_and(|text| !PARTS.iter().any(|part| text.contains(part)));
    if call.words.iter().all(is_told) { Vec::new() } else { vec![Start::Unclear] }
}
