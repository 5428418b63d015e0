//! Compilers, build tools, test runners, and managers of packages: what files tell them to do is not looked at.

use super::super::call::Call;
use super::super::launch::{Start, is_stream};
use super::super::variables;
use super::{LEAD, Lead, Program, Runs, Writes, row};

const NEEDED: Runs = Runs::Command(Lead { needed: true, ..LEAD });
const UNKNOWN: Writes = Writes::Unknown;

pub(super) const ROWS: &[Program] = &[
    row(
        "make, gmake, bmake, nmake, remake",
        "-b -B -C^ -d -e -E* -f: -h. -i -I: -j= -k -l= -L -n -o: -O= -p -q -r -R -s -S -t -v. -w -W: --always-make --directory^ --eval* --file: \
         --makefile: --ignore-errors --include-dir: --jobs= --keep-going --just-print --dry-run --silent --quiet --version. --help.",
        Runs::By("what variables among its arguments name", makefile),
        UNKNOWN,
    ),
    row("cmake", "-E? -P: -D: -S: -B: -G: -T: -A: -C: --", Runs::Nothing, UNKNOWN),
    row(
        "gcc*, g++*, cc, c++, clang*, clang++*, tcc, icc, gfortran*",
        "-wrapper* -fplugin* -B* -specs* -Xclang* -o> -x: -I: -L: -D: -U: -l: -include: -isystem: -c -g= -O= -W= -f= -m= -std: -M= -MF> -S -E -P -v -s -w --specs*",
        Runs::By("options in a file", |call| {
            let reads = call.words.iter().any(|word| word.known().is_some_and(|text| text.starts_with('@')));
            if reads { vec![Start::Unclear] } else { Vec::new() }
        }),
        UNKNOWN,
    ),
    row(
        "rustc, rustdoc",
        "-C% -Z* -o> -L: -l: --codegen% --edition: --crate-type: --crate-name: --out-dir/ --emit: --extern: --test --runtool* --test-runtool* --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "go",
        "-C^ -exec! -toolexec! -vettool! --exec! --toolexec! --vettool! -o> -ldflags* -gcflags: -overlay* -modfile: -mod: -run: -tags: -coverprofile> -v -x -n -a -race",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "cargo, rustup",
        "-Z* -C^ --config* -h. -V. --version. --help. -q -v --color: --offline --locked --frozen --",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row("rustup run", "--install", Runs::Command(Lead { skip: "w", needed: true, ..LEAD }), UNKNOWN),
    row("cargo watch", "-s$ --shell$ -x: --exec: -w: -i: -c -q", Runs::Nothing, UNKNOWN),
    // Managers of packages that also run programs.
    row(
        "bun",
        "-e* -p* -b -i -h. -v. --eval* --print* --bun --cwd^ --silent --version. --help. --",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row(
        "npm, pnpm, yarn, corepack",
        "-C^ --prefix^ --dir^ --cwd^ -w: --workspace: --filter: --script-shell* -s -r --silent -h. -v. --version. --help. --",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row(
        "npm exec, npm x, npx, pnpm exec, pnpm dlx, pnpx, yarn exec, yarn dlx, bunx, bun x",
        "-c$ --call$ -p: --package: -y -q -w: --yes --no --quiet --workspace: --no-install --bun --silent -h. --version. --help.",
        Runs::Behind("its operands, a program that it may fetch", fetched),
        UNKNOWN,
    ),
    row(
        "uvx, uv tool run, pipx run",
        "--from: --spec: --with: -p: --python: -q -v -h. --no-cache --pip-args: --index-url: --system-site-packages --path? --version. --help. --quiet --isolated",
        Runs::Behind("its operands, a program that it may fetch", fetched),
        UNKNOWN,
    ),
    row(
        "uv, uv tool, pipx, poetry, pdm, hatch, pipenv, rye, pixi, conda, mamba, micromamba, bundle, bundler, composer, gem, mise, asdf, nix, nix-shell, guix, volta, fnm, nvm, rbenv, pyenv",
        "-q -v -n -C^ -P^ -h. -V. --directory^ --project^ --quiet --verbose --no-cache --offline --color: --no-interaction --version. --help. --run$ --command$ -c*",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row(
        "uv run",
        "-m| --module| -s? --script? --gui-script? --with: --with-editable: --with-requirements: --extra: --group: --only-group: --no-group: -p: --python: --env-file* --package: --all-extras --no-dev --dev --isolated \
         --frozen --locked --no-sync --no-project --no-cache -q -v --quiet --verbose --offline --active --directory^ --project^ -h. --help.",
        NEEDED,
        UNKNOWN,
    ),
    row(
        "poetry run, pdm run, pipenv run, rye run, pixi run, bundle exec, bundler exec, rbenv exec, pyenv exec, volta run",
        "-h. --help. -q",
        NEEDED,
        UNKNOWN,
    ),
    row(
        "conda run, mamba run, micromamba run",
        "-n: -p: --name: --prefix: --no-capture-output --live-stream -v -h. --cwd^",
        NEEDED,
        UNKNOWN,
    ),
    row(
        "hatch run, composer exec, gem exec, mise exec, mise x, asdf exec, nix run, nix shell, nix develop, nix-shell run, guix shell, poetry shell, pipenv shell, nvm exec, nvm run, fnm exec",
        "",
        Runs::Unclear,
        UNKNOWN,
    ),
    row(
        "just, task, mage, rake, invoke, fab, doit",
        "-c? --command? --shell* --shell-arg* --set: -f: --justfile: -d^ --working-directory^ --evaluate --list. -l. --summary: --show: --dry-run -n --choose? --chooser* --edit? --init --version. --help. -h. --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "coverage, pytest, py.test, tox, nox, mypy, pyright, ruff, black, isort, flake8, pylint, bandit, pre-commit, ninja, meson, bazel, buck2, ctest, sbt, mvn, gradle, gradlew, mvnw, \
         tsc, eslint, prettier, jest, vitest, mocha, webpack, vite, rollup, esbuild, swc, rspec, rubocop, phpunit, phpstan, golangci-lint, staticcheck, clippy-driver, dotnet, msbuild, xcodebuild, zig, mix, \
         ghc, stack, cabal, dune, ocamlc, nimble, nim, crystal, lein, protoc, buf, sqlc, javac, kotlinc, scalac, rustfmt, gofmt, pip, pip3, ld, ar, ranlib, strip, objcopy, shfmt, clang-format, clang-tidy, cppcheck, \
         swiftc, terraform, tofu, packer, helm, cdk, pulumi, serverless, jupyter, sphinx-build, mkdocs, hugo, jekyll, latex, pdflatex, xelatex, latexmk, bibtex, swagger-codegen, flutter, dart, ng, next, nuxt, astro",
        "",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "apt, apt-get, aptitude, apt-cache",
        "-o* -c* --option* --config-file* -y -q= -s -d -f -t: -a: --yes --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "dpkg, rpm, dnf, yum, zypper, pacman, apk, snap, flatpak, brew, port, emerge, xbps-install, winget, choco, scoop",
        "",
        Runs::Nothing,
        UNKNOWN,
    ),
];

/// Variables of makefiles that hold programs by custom.
const CUSTOMARY: &[&str] = &[
    "RM", "INSTALL", "LEX", "YACC", "PYTHON", "NODE", "CMAKE", "SUDO", "STRIP", "NM", "RANLIB", "OBJCOPY", "GO",
    "CARGO", "NPM",
];

fn makefile(call: &Call<'_>) -> Vec<Start> {
    let is_stream = |text: &str| is_stream(text);
    let reads_code = call
        .options
        .iter()
        .any(|given| matches!(given.name, "-f" | "--file" | "--makefile") && given.value.known().is_none_or(is_stream));
    let names = |text: &str| {
        let name = text.split(['=', ':', '?', '+']).next().unwrap_or("");
        text.contains('=') && (text.contains('$') || variables::names_programs(name) || CUSTOMARY.contains(&name))
    };
    let runs = call.operands.iter().any(|word| word.known().is_some_and(names));
    if reads_code || runs { vec![Start::Unclear] } else { Vec::new() }
}

/// A program by the name of the package that it is in.
fn fetched(call: &Call<'_>) -> Vec<Start> {
    let has_script = call.has(&["-c", "--call"]);
    let name = call.rest.first().and_then(super::Word::known);
    match name {
        None if has_script && call.rest.is_empty() && !call.is_unknown => Vec::new(),
        Some(name) if !name.contains(['@', '/', ':']) && !call.is_unknown && !call.is_unsure => {
            vec![Start::Program(call.rest.to_vec())]
        }
        _ => vec![Start::Unclear],
    }
}
