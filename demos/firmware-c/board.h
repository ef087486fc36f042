/* What these programs need of a Cortex-M: a way to speak, a way to end, a ticking interrupt. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Writes text to the debugger, which the emulator is. */
void say(const char *text);
/* Ends the emulator with exit code 0 or 1; a board without a debugger stays here. */
_Noreturn void end(int failed);
/* Calls `ticked` every `cycles` cycles, 1 to 2^24, until `tick_stop`. */
void tick_start(uint32_t cycles);
void tick_stop(void);
/* The program's own: the interrupt handler, and what runs after reset. */
void ticked(void);
int main(void);

#endif
