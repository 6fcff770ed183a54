// A qubit in state 1 crosses by two classical bits: `out` is 1 in every shot.
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
creg first[1];
creg second[1];
creg out[1];
x q[0];
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
measure q[0] -> first[0];
measure q[1] -> second[0];
if (second == 1) x q[2];
if (first == 1) z q[2];
measure q[2] -> out[0];
