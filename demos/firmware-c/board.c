/* Startup, semihosting and the SysTick timer of any Cortex-M, without a C library. */
#include "board.h"

extern uint32_t data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[], stack_end[];

void reset(void);
void reset(void) {
    const uint32_t *from = data_in_flash;
    for (uint32_t *to = data_begin; to < data_end; to++)
        *to = *from++;
    for (uint32_t *to = bss_begin; to < bss_end; to++)
        *to = 0;
    end(main());
}

static void fault(void) {
    say("test result: FAILED. a fault\n");
    end(1);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {
    stack_end,
    {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, 0, 0, fault, ticked},
};

/* A call of the debugger: the operation in r0, its argument in r1, the answer in r0. */
static uint32_t semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* Standard output is a file of the debugger's; its shorter call ends in standard error. */
static uint32_t standard_output(void) {
    const uint32_t sys_open = 0x01, for_writing = 4, name_length = 3;
    const struct {
        const char *name;
        uint32_t mode, length;
    } file = {":tt", for_writing, name_length};
    return semihosting(sys_open, &file);
}

void say(const char *text) {
    static uint32_t output;
    const uint32_t sys_write = 0x05;
    struct {
        uint32_t file;
        const char *text;
        uint32_t length;
    } what = {0, text, 0};
    while (text[what.length] != 0)
        what.length++;
    if (output == 0)
        output = standard_output();
    what.file = output;
    semihosting(sys_write, &what);
}

_Noreturn void end(int failed) {
    const uint32_t sys_exit = 0x18, application_exit = 0x20026, run_time_error = 0x20023;
    semihosting(sys_exit, (const void *)(failed ? run_time_error : application_exit));
    for (;;)
        __asm__ volatile("wfi");
}

#define SYST ((volatile uint32_t *)0xE000E010)

void tick_start(uint32_t cycles) {
    SYST[1] = cycles - 1;
    SYST[2] = 0;
    SYST[0] = 7; /* the core's own clock, interrupt, on */
}

void tick_stop(void) {
    SYST[0] = 0;
}
