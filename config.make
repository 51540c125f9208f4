# Sourced by nginx's configure after its Makefile is written: the rule that
# turns the Redis function library into a C header.

cat << END                                            >> $NGX_MAKEFILE

$NGX_OBJS/cos_gen/cos_lua.h:	$ngx_addon_dir/ngx_cos_module/meta/lua \\
		\$(wildcard $ngx_addon_dir/ngx_cos_module/meta/lua/*.lua) \\
		$ngx_addon_dir/tools/library.sh $ngx_addon_dir/tools/embed.sh
	sh $ngx_addon_dir/tools/library.sh > $NGX_OBJS/cos_gen/cos.lua
	sh $ngx_addon_dir/tools/embed.sh $NGX_OBJS/cos_gen/cos.lua $NGX_OBJS/cos_gen/cos_lua.h cos_lua

END
