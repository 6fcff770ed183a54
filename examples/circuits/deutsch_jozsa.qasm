// Deutsch-Jozsa with three inputs and a balanced oracle: never 000.
OPENQASM 2.0;
include "qelib1.inc";
qreg input[3];
qreg work[1];
creg answer[3];
x work[0];
h input;
h work;
cx input[0], work[0];
cx input[1], work[0];
cx input[2], work[0];
h input;
measure input -> answer;
