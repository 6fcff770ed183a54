"""The run options that IBM Quantum knows, beyond shots and seed."""

from typing import NamedTuple, TypeVar

from qjobs.errors import UsageError
from qjobs.model import RunOptions, Scalar

Kind = TypeVar("Kind", int, str, bool)

LARGEST_SEED = 2**32 - 1
_LONGEST_S = 10_800
_MODES = ("job", "batch", "session")
NAMED = ("mode", "max_execution_time", "private", "transpile", "seed_transpiler")
_OWN = (*NAMED, "session", "image", "log_level", "fractional_gates", "calibration")
_ELSEWHERE = frozenset({"submits_per_minute"})


class JobOptions(NamedTuple):
    """The options of a set that IBM Quantum knows.

    `max_execution_time` is in seconds of the machine. The results of a `private` job can be
    read once. `session` is the id of a session or a batch that is there already; `mode` opens
    one for the jobs that are submitted together. `primitive` are options of the sampler or
    estimator, by their dotted paths, such as `dynamical_decoupling.enable`.

    `seed_transpiler` None is that of the set. `calibration` is the digest of the target that
    circuits are transpiled for, empty if any will do; the last one if there are several.
    """

    max_execution_time: int | None = None
    private: bool = False
    session: str = ""
    image: str = ""
    log_level: str = ""
    fractional_gates: bool = False
    mode: str = "job"
    transpile: bool = True
    seed_transpiler: int | None = None
    calibration: str = ""
    primitive: tuple[tuple[str, Scalar], ...] = ()

    @classmethod
    def read(cls, options: RunOptions) -> "JobOptions":
        """Read the options of a set. Raises UsageError for an unknown name or a wrong value."""
        primitive = []
        for name, value in options.extra.items():
            if "." in name:
                primitive.append((name, value))
            elif name not in _OWN and name not in _ELSEWHERE:
                raise UsageError(
                    f"ibm has no option {name!r}",
                    hint=f"options: {', '.join(_OWN)}, and those of the primitive, such as "
                    "dynamical_decoupling.enable",
                )

        def read(name: str, kind: type[Kind], *, usual: Kind) -> Kind:
            value = options.extra.get(name, usual)
            if type(value) is not kind:
                raise UsageError(f"the option {name} of ibm is a {kind.__name__}, not {value!r}")
            return value

        longest_s = read("max_execution_time", int, usual=_LONGEST_S)
        if not 1 <= longest_s <= _LONGEST_S:
            raise UsageError(f"max_execution_time is 1 to {_LONGEST_S} seconds, not {longest_s}")
        mode, session = read("mode", str, usual="job"), read("session", str, usual="")
        if mode not in _MODES:
            raise UsageError(f"the mode is {', '.join(_MODES)}, not {mode!r}")
        if session and mode != "job":
            raise UsageError(f"a {mode} of its own, or in the session {session}, but not both")
        seed = read("seed_transpiler", int, usual=-1)
        if seed > LARGEST_SEED or (seed < 0 and "seed_transpiler" in options.extra):
            raise UsageError(f"the seed of the transpiler is 0 to {LARGEST_SEED}, not {seed}")
        return cls(
            max_execution_time=longest_s if "max_execution_time" in options.extra else None,
            private=read("private", bool, usual=False),
            session=session,
            image=read("image", str, usual=""),
            log_level=read("log_level", str, usual=""),
            fractional_gates=read("fractional_gates", bool, usual=False),
            mode=mode,
            transpile=read("transpile", bool, usual=True),
            seed_transpiler=None if seed < 0 else seed,
            calibration=read("calibration", str, usual=""),
            primitive=tuple(sorted(primitive)),
        )
