// The phase of T, 1/8 of a turn, on three bits: 001 in every shot.
OPENQASM 2.0;
include "qelib1.inc";
qreg phase[3];
qreg eigenstate[1];
creg bits[3];
x eigenstate[0];
h phase;
cu1(pi/4) phase[0], eigenstate[0];
cu1(pi/2) phase[1], eigenstate[0];
cu1(pi) phase[2], eigenstate[0];
swap phase[0], phase[2];
h phase[0];
cu1(-pi/2) phase[0], phase[1];
h phase[1];
cu1(-pi/4) phase[0], phase[2];
cu1(-pi/2) phase[1], phase[2];
h phase[2];
measure phase -> bits;
