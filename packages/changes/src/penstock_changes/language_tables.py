"""Which names, endings and interpreters belong to which language, and what nobody wrote by hand. Data only."""

from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """Named as grammars name them."""

    BASH = "bash"
    C = "c"
    CLOJURE = "clojure"
    CMAKE = "cmake"
    CPP = "cpp"
    CSHARP = "csharp"
    CSS = "css"
    DART = "dart"
    DOCKERFILE = "dockerfile"
    ELIXIR = "elixir"
    ELM = "elm"
    ERLANG = "erlang"
    FSHARP = "fsharp"
    GO = "go"
    GRAPHQL = "graphql"
    GROOVY = "groovy"
    HASKELL = "haskell"
    HCL = "hcl"
    HTML = "html"
    INI = "ini"
    JAVA = "java"
    JAVASCRIPT = "javascript"
    JSON = "json"
    JULIA = "julia"
    KOTLIN = "kotlin"
    LUA = "lua"
    MAKE = "make"
    MARKDOWN = "markdown"
    NIX = "nix"
    OBJC = "objc"
    OCAML = "ocaml"
    PERL = "perl"
    PHP = "php"
    POWERSHELL = "powershell"
    PROTO = "proto"
    PYTHON = "python"
    R = "r"
    RUBY = "ruby"
    RUST = "rust"
    SCALA = "scala"
    SOLIDITY = "solidity"
    SQL = "sql"
    SVELTE = "svelte"
    SWIFT = "swift"
    TOML = "toml"
    TSX = "tsx"
    TYPESCRIPT = "typescript"
    VUE = "vue"
    XML = "xml"
    YAML = "yaml"
    ZIG = "zig"


_ENDINGS: Final[dict[Language, str]] = {
    Language.BASH: "sh bash zsh ksh bats",
    Language.C: "c h",
    Language.CLOJURE: "clj cljs cljc edn",
    Language.CMAKE: "cmake",
    Language.CPP: "cc cpp cxx c++ hh hpp hxx h++ ipp inl tpp cu cuh",
    Language.CSHARP: "cs csx",
    Language.CSS: "css scss sass less",
    Language.DART: "dart",
    Language.DOCKERFILE: "dockerfile containerfile",
    Language.ELIXIR: "ex exs",
    Language.ELM: "elm",
    Language.ERLANG: "erl hrl",
    Language.FSHARP: "fs fsi fsx",
    Language.GO: "go",
    Language.GRAPHQL: "graphql gql",
    Language.GROOVY: "groovy gradle",
    Language.HASKELL: "hs lhs",
    Language.HCL: "tf tfvars hcl",
    Language.HTML: "html htm xhtml",
    Language.INI: "ini cfg conf properties",
    Language.JAVA: "java",
    Language.JAVASCRIPT: "js jsx mjs cjs",
    Language.JSON: "json jsonc json5 webmanifest",
    Language.JULIA: "jl",
    Language.KOTLIN: "kt kts",
    Language.LUA: "lua",
    Language.MAKE: "mk mak",
    Language.MARKDOWN: "md markdown mdx",
    Language.NIX: "nix",
    Language.OBJC: "m mm",
    Language.OCAML: "ml mli",
    Language.PERL: "pl pm",
    Language.PHP: "php phtml",
    Language.POWERSHELL: "ps1 psm1 psd1",
    Language.PROTO: "proto",
    Language.PYTHON: "py pyi pyw",
    Language.R: "r",
    Language.RUBY: "rb rake gemspec ru",
    Language.RUST: "rs",
    Language.SCALA: "scala sc sbt",
    Language.SOLIDITY: "sol",
    Language.SQL: "sql ddl",
    Language.SVELTE: "svelte",
    Language.SWIFT: "swift",
    Language.TOML: "toml",
    Language.TSX: "tsx",
    Language.TYPESCRIPT: "ts mts cts",
    Language.VUE: "vue",
    Language.XML: "xml xsd xsl xslt csproj fsproj vbproj svg plist resx",
    Language.YAML: "yaml yml",
    Language.ZIG: "zig",
}

_NAMES: Final[dict[Language, str]] = {
    Language.BASH: ".bashrc .bash_profile .profile .zshrc pkgbuild",
    Language.CMAKE: "cmakelists.txt",
    Language.DOCKERFILE: "dockerfile containerfile",
    Language.GROOVY: "jenkinsfile",
    Language.INI: ".editorconfig .gitconfig .npmrc",
    Language.JAVASCRIPT: "jakefile",
    Language.JSON: ".babelrc .eslintrc .prettierrc",
    Language.MAKE: "makefile gnumakefile",
    Language.PYTHON: "sconstruct sconscript wscript",
    Language.RUBY: "gemfile rakefile vagrantfile podfile fastfile brewfile",
}

_INTERPRETERS: Final[dict[Language, str]] = {
    Language.BASH: "sh bash dash zsh ksh ash",
    Language.ELIXIR: "elixir",
    Language.GROOVY: "groovy",
    Language.JAVASCRIPT: "node nodejs bun",
    Language.JULIA: "julia",
    Language.LUA: "lua luajit",
    Language.MAKE: "make",
    Language.PERL: "perl",
    Language.PHP: "php",
    Language.POWERSHELL: "pwsh",
    Language.PYTHON: "python pypy",
    Language.R: "rscript",
    Language.RUBY: "ruby",
    Language.TYPESCRIPT: "deno ts-node tsx",
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _turned(table: dict[Language, str]) -> dict[str, Language]:
    return {word: language for language, words in table.items() for word in _words(words)}


BY_ENDING: Final = _turned(_ENDINGS)
BY_NAME: Final = _turned(_NAMES)
BY_INTERPRETER: Final = _turned(_INTERPRETERS)

LOCK_FILES: Final = frozenset(
    _words(
        """package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock composer.lock
        gemfile.lock poetry.lock pdm.lock uv.lock pipfile.lock pixi.lock conda-lock.yml cargo.lock go.sum go.work.sum
        mix.lock pubspec.lock podfile.lock package.resolved cartfile.resolved flake.lock packages.lock.json paket.lock
        gradle.lockfile buildscript-gradle.lockfile stack.yaml.lock cabal.project.freeze rebar.lock shard.lock
        chart.lock .terraform.lock.hcl module.bazel.lock requirements.lock"""
    )
)

VENDORED_FOLDERS: Final = frozenset(
    _words(
        """vendor node_modules third_party third-party thirdparty bower_components jspm_packages .yarn pods carthage
        site-packages .venv venv godeps"""
    )
)

GENERATED_FOLDERS: Final = frozenset(
    _words("__generated__ __snapshots__ .next .nuxt .svelte-kit __pycache__ .dart_tool")
)

GENERATED_ENDINGS: Final = _words(
    """.min.js .min.mjs .min.css .bundle.js .js.map .mjs.map .css.map .d.ts.map .pb.go .pb.gw.go _pb2.py _pb2.pyi
    _pb2_grpc.py .pb.cc .pb.h .pb.dart _pb.js _pb.ts _pb.d.ts .pb.swift .pb.rb _pb.rb .g.dart .freezed.dart
    .mocks.dart .g.cs .g.i.cs .designer.cs .generated.cs .generated.ts .generated.js .generated.go .generated.swift
    _generated.go _gen.go .gen.go .gen.ts .deepcopy.go .snap .ipynb .pbxproj .xcscheme .storyboard .svg"""
)

GENERATED_MARKS: Final = (
    "@generated",
    "do not edit",
    "do not modify",
    "automatically generated",
    "autogenerated by",
    "auto-generated by",
    "generated by the protocol buffer compiler",
)
