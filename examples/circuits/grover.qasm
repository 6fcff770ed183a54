// Grover's search for 101 among eight, two rounds: 101 in about 94.5 % of the shots.
OPENQASM 2.0;
include "qelib1.inc";
gate mark a, b, c { x b; h c; ccx a, b, c; h c; x b; }
gate diffuse a, b, c { h a; h b; h c; x a; x b; x c; h c; ccx a, b, c; h c; x a; x b; x c; h a; h b; h c; }
qreg q[3];
creg found[3];
h q;
mark q[0], q[1], q[2];
diffuse q[0], q[1], q[2];
mark q[0], q[1], q[2];
diffuse q[0], q[1], q[2];
measure q -> found;
